"""What people say about the product: stored, and listed to operators. Callers: the API."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from langgraph_multi_agent.access import Scope
from langgraph_multi_agent.domain.errors import InvalidRequest
from langgraph_multi_agent.domain.ports import NewId
from langgraph_multi_agent.store import feedback
from langgraph_multi_agent.store.database import Database
from langgraph_multi_agent.store.feedback import Feedback

MAX_MESSAGE_CHARS = 8_000
MAX_PAGE = 200
RATINGS = range(1, 6)


class FeedbackType(StrEnum):
    BUG_REPORT = "bug_report"
    FEATURE_REQUEST = "feature_request"
    GENERAL = "general"


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackPage:
    """Newest first. `total` is how many there are in all."""

    feedback: tuple[Feedback, ...]
    total: int


class FeedbackService:
    """Use cases on feedback."""

    def __init__(self, *, database: Database, new_id: NewId) -> None:
        self._database, self._new_id = database, new_id

    async def add(
        self,
        scope: Scope,
        *,
        kind: FeedbackType,
        message: str,
        rating: int | None = None,
        context: Mapping[str, Any] | None = None,
    ) -> Feedback:
        """Store one.

        Args:
            rating: 1–5.
            context: JSON that the front end adds, such as the page.

        Raises:
            InvalidRequest: an empty or too long message, or a rating out of its range.
        """
        errors: list[dict[str, Any]] = []
        if not message.strip():
            errors.append({"field": "message", "code": "empty"})
        if len(message) > MAX_MESSAGE_CHARS:
            errors.append({"field": "message", "code": "too_long", "limit": MAX_MESSAGE_CHARS})
        if rating is not None and rating not in RATINGS:
            code, limit = ("below_minimum", 1) if rating < 1 else ("above_maximum", 5)
            errors.append({"field": "rating", "code": code, "limit": limit})
        if errors:
            raise InvalidRequest(errors=errors)
        return await self._database.write(
            scope,
            feedback.add,
            self._new_id(),
            kind=kind.value,
            rating=rating,
            message=message,
            context=context or {},
        )

    async def list(
        self, scope: Scope, *, limit: int = 50, offset: int = 0, kind: FeedbackType | None = None
    ) -> FeedbackPage:
        limit = max(1, min(limit, MAX_PAGE))
        found, total = await self._database.read(
            scope, feedback.list_feedback, limit=limit, offset=offset, kind=kind.value if kind else None
        )
        return FeedbackPage(feedback=tuple(found), total=total)
