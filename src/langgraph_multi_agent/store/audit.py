"""The record of who did what: rows that only grow, each sealed with the hash of the one before.

Hides the chain and where its tail is kept. Caller: `service.audit`. Invariant: the rows are one chain
over all tenants and processes; whoever changes, removes, inserts or moves a row breaks it at a number
that `verify` names. The tail stands in `installation`, so that a chain cut short is found too. Old rows go
from the front only, and a row at the end says up to where and with which hash (PRUNED, the anchor): the
chain begins there, and without that row its front is missing.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import orjson
from sqlalchemy import Row, Select, String, Text, bindparam, delete, select, type_coerce, update

from langgraph_multi_agent.domain.task import DEFAULT_TENANT
from langgraph_multi_agent.store import installation, schema
from langgraph_multi_agent.store.database import Store, single_statement, unit
from langgraph_multi_agent.store.rows import scoped
from langgraph_multi_agent.store.schema import json_text
from langgraph_multi_agent.store.sets import POSTGRESQL, insert_rows

TAIL = "audit_tail"
BATCH = 5_000
_LOG, _FACTS = schema.audit_log, schema.installation
_TEXTS = ("tenant", "actor", "means", "action", "target", "result", "request_id", "address")
_START = ""
"""The hash before the first row."""
_LAST = select(_LOG.c.seq, _LOG.c.hash).order_by(_LOG.c.seq.desc()).limit(1)
_LOCKED_TAIL = select(_FACTS.c.value).where(_FACTS.c.name == TAIL).with_for_update()
_MOVE_TAIL = update(_FACTS).where(_FACTS.c.name == TAIL).values(value=bindparam("tail"))
TARGET_CHARS = 512
PRUNED = "audit.prune"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What is to be recorded; its number, time and hash come with the append."""

    tenant: str
    actor: str
    means: str
    action: str
    target: str = ""
    result: str
    request_id: str = ""
    address: str = ""
    details: Mapping[str, Any]


_REANCHORED = Entry(
    tenant=DEFAULT_TENANT, actor="system", means="system", action="audit.reanchor", result="ok", details={}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded(Entry):
    seq: int
    at: datetime
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What one transaction removed from the front of the chain.

    Attributes:
        is_over: nothing more has passed its time.
        flaw_seq: where the chain does not fit, so that nothing was removed; None where it does.
    """

    rows: int
    is_over: bool
    flaw_seq: int | None = None


class Flaw(StrEnum):
    """What is wrong with the row of a number."""

    CHANGED = "changed"
    MISSING = "missing"
    ADDED = "added"
    UNANCHORED = "unanchored"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """How far the chain was looked at.

    Attributes:
        seq, hash: the last row that fits; 0 and "" before the first.
        rows: how many were looked at.
        flaw, flaw_seq: the first number where it does not fit, and why; None where all fits.
        is_complete: nothing is left to look at.
        pruned: the last number whose row was removed because of its age; 0 for none.
    """

    seq: int
    hash: str
    rows: int
    pruned: int = 0
    flaw: Flaw | None = None
    flaw_seq: int | None = None
    is_complete: bool


@unit
def append(store: Store, entries: Sequence[Entry]) -> int:
    """Add rows at the tail of the chain, in the order given; the number of the last one.

    Whoever appends at the same time, in whatever process, waits for the tail's row. Where somebody took
    that away, the chain goes on from its last row, and says so.
    """
    return _append(store, entries)


def prune(store: Store, *, older_than: timedelta, limit: int = BATCH) -> Pruned:
    """Remove the oldest rows that have passed their time, at most `limit`, and record up to where.

    They are verified first: what somebody changed stays, as evidence.
    """
    tail = _locked_tail(store)
    found = store.connection.execute(select(*_RAW).order_by(_LOG.c.seq).limit(min(limit, BATCH))).all()
    if not found:
        return Pruned(rows=0, is_over=True)
    seq, last = _beginning(store, found[0].seq)
    count, cutoff = 0, store.now - older_than
    for row in found:
        if (flaw := _flaw_of(row, seq, last, tail, store.dialect)) is not None:
            return Pruned(rows=0, is_over=True, flaw_seq=seq + 1 if flaw is Flaw.MISSING else row.seq)
        if _read(row, store.dialect)["at"] >= cutoff:
            break
        seq, last, count = row.seq, row.hash, count + 1
    if count:
        store.connection.execute(delete(_LOG).where(_LOG.c.seq <= seq))
        details = {"through": seq, "hash": last, "rows": count}
        _append(store, [replace(_REANCHORED, action=PRUNED, target=f"{seq - count + 1}-{seq}", details=details)])
    return Pruned(rows=count, is_over=count < limit)


def old_rows(older_than: timedelta, now: datetime, limit: int) -> Select[Any]:
    """Times of those of the first `limit` rows that have passed their time; an old row is never far behind."""
    first = select(_LOG.c.at).order_by(_LOG.c.seq).limit(limit).subquery()
    return select(first.c.at.label("moment")).where(first.c.at < now - older_than)


def _append(store: Store, entries: Sequence[Entry]) -> int:
    seq, last = _locked_tail(store)
    rows: list[dict[str, Any]] = []
    if not seq and (found := store.connection.execute(_LAST).first()) is not None:
        seq, last = found.seq, found.hash
        entries = [_REANCHORED, *entries]
    for entry in entries:
        seq += 1
        row = {"seq": seq, "at": store.now, **_storable(entry)}
        last = row["hash"] = _seal(last, row)
        rows.append(row)
    if rows:
        insert_rows(store, _LOG, rows)
        store.connection.execute(_MOVE_TAIL, {"tail": f"{seq}:{last}"})
        if store.dialect == POSTGRESQL:  # a COMMIT within this process has an answer
            store.witness = select(_LOG.c.seq).where(_LOG.c.seq == seq, _LOG.c.hash == last)
    return seq


@single_statement
def page(
    store: Store,
    *,
    actor: str | None = None,
    action: str | None = None,
    since: datetime | None = None,
    before: int | None = None,
    limit: int,
) -> list[Recorded]:
    """Rows of the scope's tenant, newest first.

    Args:
        before: only numbers below this one.
    """
    query = scoped(store, select(_LOG), _LOG).order_by(_LOG.c.seq.desc()).limit(limit)
    if actor is not None:
        query = query.where(_LOG.c.actor == actor)
    if action is not None:
        query = query.where(_LOG.c.action == action)
    if since is not None:
        query = query.where(_LOG.c.at >= since)
    if before is not None:
        query = query.where(_LOG.c.seq < before)
    return [Recorded(**row._mapping) for row in store.connection.execute(query)]


def verify(store: Store, *, after: int = 0, expected: str | None = None, limit: int = BATCH) -> Verified:
    """Look at up to `limit` rows after a number, in one snapshot with the tail.

    Args:
        after: the last number that fits already; 0 for the whole chain.
        expected: its hash; None to take the one that stands there.
    """
    limit = min(limit, BATCH)
    first = store.connection.scalar(select(_LOG.c.seq).order_by(_LOG.c.seq).limit(1))
    pruned, before = _beginning(store, first)

    def verified(flaw: Flaw | None = None, at: int | None = None, *, is_complete: bool = True) -> Verified:
        return Verified(
            seq=seq, hash=last, rows=count, pruned=pruned, flaw=flaw, flaw_seq=at, is_complete=is_complete
        )

    seq, last, count = pruned, before, 0
    query = select(*_RAW).order_by(_LOG.c.seq).limit(limit)
    if after > pruned:
        seq, last = 0, _START
        if expected is None:
            expected = store.connection.scalar(select(_LOG.c.hash).where(_LOG.c.seq == after))
            if expected is None:
                return verified(Flaw.MISSING, after)
        seq, last = after, expected
        query = query.where(_LOG.c.seq > after)
    elif after and after == pruned and expected not in (None, before):
        return verified(Flaw.CHANGED, after)
    tail = _tail_of(installation.read(store, TAIL))
    for row in store.connection.execute(query):
        count += 1
        flaw = _flaw_of(row, seq, last, tail, store.dialect)
        if flaw is not None:
            return verified(flaw, seq + 1 if flaw is Flaw.MISSING else row.seq)
        seq, last = row.seq, row.hash
    if count == limit:
        return verified(is_complete=False)
    if tail is None:
        return verified(Flaw.UNANCHORED, seq) if seq else verified()
    if seq < tail[0]:
        return verified(Flaw.MISSING, seq + 1)
    return verified() if (seq, last) == tail else verified(Flaw.UNANCHORED, seq)


def _beginning(store: Store, first: int | None) -> tuple[int, str]:
    """The number and hash before the first row: of the newest anchor, where the chain does not begin with 1."""
    if first is None or first <= 1:
        return 0, _START
    newest = select(*_RAW).where(_LOG.c.action == PRUNED).order_by(_LOG.c.seq.desc()).limit(1)
    row = store.connection.execute(newest).first()
    try:
        details = {} if row is None else _read(row, store.dialect)["details"]
        through, seal = details.get("through"), details.get("hash")
    except (AttributeError, TypeError, ValueError):
        return 0, _START
    return (through, seal) if isinstance(through, int) and isinstance(seal, str) else (0, _START)


def _flaw_of(
    row: Row[Any], seq: int, last: str, tail: tuple[int, str] | None, dialect: str
) -> Flaw | None:
    """What is wrong with the row that should follow number `seq`."""
    if row.seq > seq + 1:
        return Flaw.MISSING
    if row.seq != seq + 1 or (tail is not None and row.seq > tail[0]):
        return Flaw.ADDED
    try:
        fits = _seal(last, _read(row, dialect)) == row.hash
    except (TypeError, ValueError):  # a value of another kind than any that we write
        fits = False
    return None if fits else Flaw.CHANGED


_RAW = (
    _LOG.c.seq,
    *(_LOG.c[name] for name in _TEXTS),
    # As they stand: a value that cannot be read is a finding, not an error.
    type_coerce(_LOG.c.at, String).label("at"),
    type_coerce(_LOG.c.details, Text).label("details"),
    _LOG.c.hash,
)


def _read(row: Row[Any], dialect: str) -> dict[str, Any]:
    values = dict(row._mapping)
    if dialect != POSTGRESQL:
        values["at"] = datetime.fromisoformat(values["at"]).replace(tzinfo=UTC)
        values["details"] = orjson.loads(values["details"])
    return values


def _seal(last: str, row: Mapping[str, Any]) -> str:
    """SHA-256 over the hash before and the row, as JSON with one spelling."""
    at = row["at"].astimezone(UTC).isoformat(timespec="microseconds")
    values = [last, row["seq"], at, *(row[name] for name in _TEXTS), row["details"]]
    return hashlib.sha256(orjson.dumps(values, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _storable(entry: Entry) -> dict[str, Any]:
    """The values as both databases give them back: what is sealed is what is read."""
    values: dict[str, Any] = {}
    for name in _TEXTS:
        value = getattr(entry, name).encode("utf-8", "replace").decode().replace("\x00", "\ufffd")
        values[name] = value[: getattr(_LOG.c[name].type, "length", None) or TARGET_CHARS]
    values["tenant"] = values["tenant"] or DEFAULT_TENANT
    values["details"] = orjson.loads(json_text(dict(entry.details)) or "{}")
    return values


def _locked_tail(store: Store) -> tuple[int, str]:
    value = store.connection.scalar(_LOCKED_TAIL)
    if value is None:
        installation.agree(store, TAIL, f"0:{_START}")
        value = store.connection.scalar(_LOCKED_TAIL)
    return _tail_of(value) or (0, _START)


def _tail_of(value: str | None) -> tuple[int, str] | None:
    if value is None:
        return None
    seq, _, last = value.partition(":")
    return (int(seq), last) if seq.isdecimal() else None
