"""Answers that were given before, for the runs of one tenant.

Hides the cache and its keys. `Gateway.remembering` makes one for each run; the engine sees a `Model`.
Invariants: an answer is found only within its scope (a tenant), only at temperature 0, and only for
the first asking of a question in a run: who asks again wants another answer, and gets a fresh one.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import orjson
import structlog

from langgraph_multi_agent.domain.canonical import digest_of
from langgraph_multi_agent.domain.ports import BudgetGuard, Cache, Model, ModelReply, ModelRequest
from langgraph_multi_agent.models.structure import AnswerProblem, value_of
from langgraph_multi_agent.models.wire import Answer

ANSWERS = "model:"
"""What the keys of answers begin with in the cache."""

log = structlog.get_logger(__name__)


class RecallingModel:
    """The port `Model` before another one, for one run.

    Args:
        model: who answers what is not remembered.
        cache: keeps answers for CACHE_TTL.
        scope: within which answers are shared; the tenant.
        identity: what stands for the endpoint in the key; its `model` is who is asked first.
    """

    def __init__(
        self,
        model: Model,
        cache: Cache,
        *,
        scope: str,
        identity: Callable[[ModelRequest], Mapping[str, Any]],
    ) -> None:
        self._model, self._cache, self._scope, self._identity = model, cache, scope, identity
        self._asked: set[str] = set()

    async def complete(
        self,
        request: ModelRequest,
        *,
        budget: BudgetGuard,
        on_delta: Callable[[str], None] | None = None,
    ) -> ModelReply:
        """As `ports.Model`. A remembered answer reserves and costs nothing, and `is_cached`."""
        if request.temperature != 0:
            return await self._model.complete(request, budget=budget, on_delta=on_delta)
        identity = self._identity(request)
        asked = {**asdict(request), "agent": None, "scope": self._scope, "endpoint": identity}
        key = f"{ANSWERS}{digest_of(asked)}"
        if key not in self._asked:
            self._asked.add(key)
            reply = self._recalled(await self._cache.get(key), request, str(identity["model"]))
            if reply is not None:
                log.debug("model.recalled", agent=request.agent, model=reply.model)
                if on_delta is not None:
                    on_delta(reply.text)
                return reply
        reply = await self._model.complete(request, budget=budget, on_delta=on_delta)
        if reply.model == identity["model"]:  # a fallback's answer is not the model's own
            await self._cache.put(key, orjson.dumps({"text": reply.text}))
        return reply

    def _recalled(self, body: bytes | None, request: ModelRequest, model: str) -> ModelReply | None:
        """The reply, if what the cache holds still is an answer to the request."""
        if body is None:
            return None
        try:
            text = orjson.loads(body)["text"]
            data = value_of(Answer(text=text, finish="stop"), request.schema, request.max_output_tokens)
        except (ValueError, TypeError, LookupError, AttributeError, AnswerProblem):
            return None
        return ModelReply(text=text, data=data, model=model, is_cached=True)
