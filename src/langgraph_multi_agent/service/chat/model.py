"""What a language model makes of a conversation, within a deadline and a budget.

Hides the prompt and its size. Caller: `ChatService`. Invariant: the model makes no task: it says what it
takes the message for, and may cite only passages that it was given.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from langgraph_multi_agent.domain.errors import BudgetExceeded, ModelAnswerInvalid, ModelUnavailable
from langgraph_multi_agent.domain.ports import Model, ModelMessage, ModelRequest
from langgraph_multi_agent.domain.task import Cost
from langgraph_multi_agent.i18n import text
from langgraph_multi_agent.store.chats import ChatMessage
from langgraph_multi_agent.store.turns import TurnLedger

DEADLINE_S = 40.0
MAX_TOKENS = 30_000
"""What one answer may cost in all, its retries and repair included."""
MAX_OUTPUT_TOKENS = 900
MAX_HISTORY_CHARS = 6_000
MAX_REMEMBERED_CHARS = 1_500
AGENT = "meta_agent"
NOT_USABLE = (ModelUnavailable, ModelAnswerInvalid, BudgetExceeded)

Action = Literal["answer", "offer", "task"]
_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "action": {"enum": ["answer", "offer", "task"]},
        "text": {"type": "string", "maxLength": 4000},
        "title": {"type": ["string", "null"], "maxLength": 120},
        "request": {"type": ["string", "null"], "maxLength": 2000},
        "citations": {"type": "array", "items": {"type": "string"}, "maxItems": 8},
    },
    "required": ["action", "text", "title", "request", "citations"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelWords:
    """The model's reading of a message. `citations` are some of the passages it was given."""

    action: Action
    text: str
    title: str | None
    request: str | None
    citations: tuple[Mapping[str, Any], ...]
    model: str
    cost: Cost


class AnswerBudget:
    """`ports.BudgetGuard` of one answer: so many tokens, whatever the price; all of it stands in the ledger."""

    def __init__(self, ledger: TurnLedger, tokens: int = MAX_TOKENS) -> None:
        self._ledger, self._limit, self._spent = ledger, tokens, 0
        self._reserved: dict[str, int] = {}
        self._unsettled = 0

    async def reserve(self, *, tokens: int, cost: float) -> str:
        taken = self._spent + sum(self._reserved.values())
        if taken + tokens > self._limit:
            raise BudgetExceeded(what="tokens", limit=self._limit, spent=taken)
        self._unsettled += 1
        name = await self._ledger.reserve(tokens=tokens, cost=cost)
        self._reserved[name] = tokens
        return name

    async def settle(self, reservation: str, spent: Cost) -> None:
        await self._ledger.settle(reservation, spent)
        self._unsettled -= 1
        del self._reserved[reservation]
        self._spent += spent.input_tokens + spent.output_tokens

    async def close(self) -> None:
        """A call that was cut, by the deadline or because nobody waits, counts as reserved."""
        if self._unsettled:
            await self._ledger.close()


async def ask_model(
    model: Model,
    content: str,
    *,
    history: Sequence[ChatMessage],
    passages: Sequence[Mapping[str, Any]],
    ledger: TurnLedger,
    deadline_s: float = DEADLINE_S,
) -> ModelWords:
    """One answer to the newest message.

    Args:
        history: what was said before it, oldest first.
        passages: of the handbook, see `passages.find_passages`.
        ledger: where every call of the model is written down, whatever comes of it.

    Raises:
        ModelUnavailable, ModelAnswerInvalid, BudgetExceeded, TimeoutError: there is none.
    """
    given = [{"id": item["id"], "title": item["locator"], "text": item["quote"]} for item in passages]
    messages = [ModelMessage(role="system", content=text("chat.prompt", "en"))]
    messages += _remembered(history)
    facts = {"handbook_passages": given, "user_message": content}
    messages.append(ModelMessage(role="user", content=json.dumps(facts, ensure_ascii=False)))
    request = ModelRequest(
        agent=AGENT, messages=tuple(messages), schema=_SCHEMA, max_output_tokens=MAX_OUTPUT_TOKENS
    )
    budget = AnswerBudget(ledger)
    try:
        async with asyncio.timeout(deadline_s):
            reply = await model.complete(request, budget=budget)
    finally:
        await budget.close()
    found = reply.data
    cited = frozenset(found["citations"])
    words = ModelWords(
        action=found["action"],
        text=found["text"].strip(),
        title=(found["title"] or "").strip() or None,
        request=(found["request"] or "").strip() or None,
        citations=tuple(item for item in passages if item["id"] in cited),
        model=reply.model,
        cost=reply.cost,
    )
    if words.action == "answer" and not words.text:
        raise ModelAnswerInvalid(reason="empty", detail="", model=reply.model)
    return words


def _remembered(history: Sequence[ChatMessage]) -> list[ModelMessage]:
    """The newest of what was said before, as far as it has room."""
    left = MAX_HISTORY_CHARS
    kept: list[ModelMessage] = []
    for message in reversed(history):
        said = message.content[:MAX_REMEMBERED_CHARS]
        left -= len(said)
        if left < 0:
            break
        kept.append(ModelMessage(role="user" if message.type == "user" else "assistant", content=said))
    return kept[::-1]
