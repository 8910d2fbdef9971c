"""Turns of a conversation: who answers a message, how many a person may say, what the answer took.

Hides that a claim is a row of `idempotency_keys`, which retention deletes, and that a model's call for an
answer is a row of `model_calls` with the message's id where others have a task's: the totals of the
tenant count both. Caller: `service.chat`. Invariant: at any time at most one claim on a message holds.
"""

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from langgraph_multi_agent.access import Scope
from langgraph_multi_agent.domain.errors import TooManyMessages
from langgraph_multi_agent.domain.task import DEFAULT_TENANT, Cost
from langgraph_multi_agent.store import chats, quotas, schema
from langgraph_multi_agent.store.chats import Exchange
from langgraph_multi_agent.store.database import Database, Store, unit

WINDOW = timedelta(minutes=1)
_KEYS, _CALLS = schema.idempotency_keys, schema.model_calls
_PREFIX = "\x1fsaid:"
"""No header carries this character: nobody's own key can be a claim."""
_GIVEN_BACK = ""


class Standing(StrEnum):
    """Who answers a message that has no answer yet."""

    OURS = "ours"
    TAKEN = "taken"


@unit
def claim(
    store: Store, message_id: str, token: str, *, deadline: timedelta, per_minute: int
) -> Exchange | Standing:
    """Take it on to answer a message, unless somebody else does or it is answered.

    Args:
        token: names this attempt, and no other.
        deadline: a claim so old without an answer is taken over: whoever had it is gone.
        per_minute: so many messages the actor may claim within WINDOW.

    Returns:
        The exchange if there is one; `TAKEN` if there will be one soon.

    Raises:
        TooManyMessages: nothing was claimed.
    """
    known = chats.find(store, message_id)
    if known is not None:
        return known
    is_free = or_(_KEYS.c.body_hash == _GIVEN_BACK, _KEYS.c.created_at < store.now - deadline)
    key = {"tenant": store.scope.tenant or DEFAULT_TENANT, "key": _key(store.scope.actor, message_id)}
    is_taken = select(_KEYS.c.key).where(_KEYS.c.tenant == key["tenant"], _KEYS.c.key == key["key"], ~is_free)
    if store.connection.execute(is_taken).first() is not None:
        return Standing.TAKEN
    _check_rate(store, per_minute, **key)
    dialect: Any = postgresql if store.dialect == "postgresql" else sqlite
    first = dialect.insert(_KEYS).values(**key, body_hash=token, task_id=message_id, created_at=store.now)
    taken = first.on_conflict_do_update(
        index_elements=[_KEYS.c.tenant, _KEYS.c.key],
        set_={"body_hash": token, "created_at": store.now},
        where=is_free,
    )
    if store.connection.execute(taken.returning(_KEYS.c.key)).first() is None:
        return Standing.TAKEN
    _settle_whole(store, message_id)
    return chats.find(store, message_id) or Standing.OURS


@unit
def give_back(store: Store, message_id: str, token: str) -> None:
    """Let the next attempt answer at once. The message still counts against the limit."""
    mine = _KEYS.c.key == _key(store.scope.actor, message_id)
    tenant = store.scope.tenant or DEFAULT_TENANT
    store.connection.execute(
        update(_KEYS)
        .where(_KEYS.c.tenant == tenant, mine, _KEYS.c.body_hash == token)
        .values(body_hash=_GIVEN_BACK)
    )


@unit
def reserve(store: Store, message_id: str, *, agent: str, tokens: int, cost: float) -> str:
    """Set aside what a model's call may take; the id of the reservation. Raises DayQuotaExceeded."""
    tenant = store.scope.tenant or DEFAULT_TENANT
    quotas.reserve_of_day(store, tenant, quotas.quota(store, tenant), tokens=tokens, cost=cost)
    call_id = store.new_id()
    store.connection.execute(
        insert(_CALLS),
        {
            "id": call_id,
            "tenant": tenant,
            "task_id": message_id,
            "agent": agent,
            "epoch": 0,
            "state": "reserved",
            "reserved_tokens": tokens,
            "reserved_cost": cost,
            "created_at": store.now,
        },
    )
    return call_id


@unit
def settle(store: Store, call_id: str, spent: Cost) -> None:
    """Replace a reservation by what was really spent."""
    store.connection.execute(
        update(_CALLS)
        .where(_CALLS.c.id == call_id, _CALLS.c.state == "reserved")
        .values(
            state="settled",
            input_tokens=spent.input_tokens,
            output_tokens=spent.output_tokens,
            cost=spent.cost,
        )
    )


@unit
def settle_open(store: Store, message_id: str) -> None:
    """Count calls of which nobody knows what they took as all that was reserved for them."""
    _settle_whole(store, message_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnLedger:
    """`ports.BudgetGuard` for the answer to one message; it records, and refuses what is past the tenant's day."""

    database: Database
    scope: Scope
    message_id: str
    agent: str

    async def reserve(self, *, tokens: int, cost: float) -> str:
        return await self.database.write(
            self.scope, reserve, self.message_id, agent=self.agent, tokens=tokens, cost=cost
        )

    async def settle(self, reservation: str, spent: Cost) -> None:
        await self.database.write(self.scope, settle, reservation, spent)

    async def close(self) -> None:
        """No call goes on: what is still open was cut."""
        await self.database.write(self.scope, settle_open, self.message_id)


def _settle_whole(store: Store, message_id: str) -> None:
    tenant = store.scope.tenant or DEFAULT_TENANT
    store.connection.execute(
        update(_CALLS)
        .where(_CALLS.c.task_id == message_id, _CALLS.c.tenant == tenant, _CALLS.c.state == "reserved")
        .values(state="settled", input_tokens=_CALLS.c.reserved_tokens, cost=_CALLS.c.reserved_cost)
    )


def _check_rate(store: Store, per_minute: int, *, tenant: str, key: str) -> None:
    """Raises TooManyMessages if so many were claimed within the window, this one aside."""
    others = (
        select(_KEYS.c.created_at)
        .where(
            _KEYS.c.created_at > store.now - WINDOW,
            _KEYS.c.tenant == tenant,
            _KEYS.c.key.startswith(_prefix(store.scope.actor), autoescape=True),
            _KEYS.c.key != key,
        )
        .order_by(_KEYS.c.created_at.desc())
    )
    oldest = store.connection.scalar(others.offset(per_minute - 1).limit(1))
    if oldest is not None:
        wait = oldest + WINDOW - store.now
        raise TooManyMessages(limit=per_minute, retry_after_s=max(1, -(-wait // timedelta(seconds=1))))


def _key(actor: str, message_id: str) -> str:
    return _prefix(actor) + message_id


def _prefix(actor: str) -> str:
    return f"{_PREFIX}{hashlib.sha256(actor.encode()).hexdigest()[:32]}:"
