"""Units of work on users and API keys.

Callers: `service.identities`. Invariant: secrets come here only as hashes, and what a unit changes
about somebody's rights takes effect with the next look at their row.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, or_, select, update

from langgraph_multi_agent.access.names import fold
from langgraph_multi_agent.access.policy import Permission, Role, permissions_of
from langgraph_multi_agent.domain.errors import (
    KeyNotFound,
    LastAdmin,
    NameTaken,
    PermissionDenied,
    UserNotFound,
)
from langgraph_multi_agent.domain.task import DEFAULT_TENANT
from langgraph_multi_agent.store import schema
from langgraph_multi_agent.store.database import Store, single_statement, unit
from langgraph_multi_agent.store.rows import scoped
from langgraph_multi_agent.store.sets import insert_rows

_USERS, _KEYS = schema.users, schema.api_keys


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Somebody who logs in.

    Attributes:
        generation: part of every session; another one ends them.
        name_key: by which the name is theirs; None where somebody older has the same, or an earlier
            program added them.
    """

    id: str
    tenant: str
    name: str
    role: Role
    password_hash: str = field(repr=False)
    created_at: datetime
    updated_at: datetime
    disabled_at: datetime | None
    generation: int
    name_key: str | None

    @property
    def is_enabled(self) -> bool:
        return self.disabled_at is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """What a program shows. `scopes` None: all that the role has."""

    id: str
    tenant: str
    name: str
    role: Role
    scopes: frozenset[Permission] | None
    digest: str = field(repr=False)
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None

    def is_valid(self, now: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


@single_statement
def user_of_name(store: Store, name: str) -> User | None:
    """Whose name it is, in whatever case or width; the exact one where several are alike.

    Names are one namespace over all tenants, so that nobody types a tenant to log in.
    """
    alike = _alike(store, name)
    by_key = [one for one in alike if one.name_key is not None]
    for found in ([one for one in alike if one.name == name], by_key, alike):
        if len(found) == 1:
            return found[0]
    return None


def _alike(store: Store, name: str) -> list[User]:
    """All whose names are this one but for case and width. Rows without a key are few."""
    key = fold(name)
    if "\x00" in key:
        return []
    is_near = or_(_USERS.c.name == name, _USERS.c.name_key == key, _USERS.c.name_key.is_(None))
    rows = store.connection.execute(select(_USERS).where(is_near))
    return [_user_of(row) for row in rows if fold(row.name) == key]


@single_statement
def user(store: Store, user_id: str) -> User | None:
    row = store.connection.execute(scoped(store, select(_USERS), _USERS).where(_USERS.c.id == user_id)).first()
    return None if row is None else _user_of(row)


@single_statement
def users(store: Store) -> list[User]:
    """By name."""
    query = scoped(store, select(_USERS), _USERS).order_by(_USERS.c.name)
    return [_user_of(row) for row in store.connection.execute(query)]


@unit
def add_user(store: Store, user_id: str, *, name: str, role: Role, password_hash: str) -> User:
    """Raises NameTaken: somebody has this name, or one that differs in case or width only."""
    if taken := _alike(store, name):
        raise NameTaken(name=taken[0].name)
    row = {
        "id": user_id,
        "tenant": store.scope.tenant or DEFAULT_TENANT,
        "name": name,
        "role": int(role),
        "password_hash": password_hash,
        "created_at": store.now,
        "updated_at": store.now,
        "disabled_at": None,
        "generation": 1,
        "name_key": fold(name),
    }
    insert_rows(store, _USERS, [row], ignoring=True)
    added = user_of_name(store, name)
    if added is None or added.id != user_id:  # somebody else was quicker
        raise NameTaken(name=name)
    return added


@unit
def change_user(
    store: Store,
    name: str,
    *,
    role: Role | None = None,
    password_hash: str | None = None,
    is_enabled: bool | None = None,
    within: frozenset[Permission] | None = None,
) -> User:
    """Change what is given; every session of theirs ends.

    Args:
        within: what who asks may do; None for the operator's own command line.

    Raises:
        UserNotFound: nobody in scope has this name.
        PermissionDenied: they may do something that who asks may not.
        LastAdmin: nobody would be left who may give rights.
    """
    admins = scoped(store, select(_USERS), _USERS).where(
        _USERS.c.role == int(Role.ADMIN), _USERS.c.disabled_at.is_(None)
    )
    # Locked together, so that two changes at once cannot each leave the other as the last.
    enabled_admins = store.connection.execute(admins.order_by(_USERS.c.id).with_for_update()).all()
    found = user_of_name(store, name)
    if found is None or store.scope.tenant not in (None, found.tenant):
        raise UserNotFound(user=name)
    if within is not None and (missing := permissions_of(found.role) - within):
        raise PermissionDenied(permission=min(missing).value, role=found.role.word)
    loses = (role is not None and role is not Role.ADMIN) or is_enabled is False
    if loses and [row.id for row in enabled_admins if row.tenant == found.tenant] == [found.id]:
        raise LastAdmin(user=name)
    values: dict[str, Any] = {"updated_at": store.now, "generation": _USERS.c.generation + 1}
    if role is not None:
        values["role"] = int(role)
    if password_hash is not None:
        values["password_hash"] = password_hash
    if is_enabled is not None:
        values["disabled_at"] = None if is_enabled else (found.disabled_at or store.now)
    store.connection.execute(update(_USERS).where(_USERS.c.id == found.id).values(values))
    return _user_of(store.connection.execute(select(_USERS).where(_USERS.c.id == found.id)).one())


@unit
def renew_password(store: Store, user_id: str, *, old: str, new: str) -> User | None:
    """Somebody's own new password; every session of theirs ends.

    Args:
        old: the hash that what they typed fits.

    Returns:
        None where it is not theirs any more: somebody else changed it meanwhile, or they were disabled.
    """
    same = (_USERS.c.id == user_id, _USERS.c.password_hash == old, _USERS.c.disabled_at.is_(None))
    values = {"password_hash": new, "updated_at": store.now, "generation": _USERS.c.generation + 1}
    if not store.connection.execute(update(_USERS).where(*same).values(values)).rowcount:
        return None
    return _user_of(store.connection.execute(select(_USERS).where(_USERS.c.id == user_id)).one())


@unit
def end_sessions(store: Store, user_id: str) -> None:
    """Every session of somebody ends."""
    values = {"updated_at": store.now, "generation": _USERS.c.generation + 1}
    store.connection.execute(update(_USERS).where(_USERS.c.id == user_id).values(values))


@unit
def replace_hash(store: Store, user_id: str, *, old: str, new: str) -> None:
    """The same password, hashed by today's parameters: no session ends."""
    same = (_USERS.c.id == user_id, _USERS.c.password_hash == old)
    store.connection.execute(update(_USERS).where(*same).values(password_hash=new))


def has_users(store: Store) -> bool:
    return bool(store.connection.scalar(select(func.count()).select_from(_USERS)))


@single_statement
def key(store: Store, key_id: str) -> Key | None:
    row = store.connection.execute(select(_KEYS).where(_KEYS.c.id == key_id)).first()
    return None if row is None else _key_of(row)


@single_statement
def keys(store: Store) -> list[Key]:
    """Newest first, revoked ones too."""
    query = scoped(store, select(_KEYS), _KEYS).order_by(_KEYS.c.created_at.desc(), _KEYS.c.id.desc())
    return [_key_of(row) for row in store.connection.execute(query)]


@unit
def add_key(
    store: Store,
    key_id: str,
    *,
    name: str,
    role: Role,
    scopes: Sequence[Permission] | None,
    digest: str,
    expires_at: datetime | None,
) -> Key:
    row = {
        "id": key_id,
        "tenant": store.scope.tenant or DEFAULT_TENANT,
        "name": name,
        "role": int(role),
        "scopes": None if scopes is None else sorted(scope.value for scope in scopes),
        "digest": digest,
        "created_by": store.scope.actor,
        "created_at": store.now,
        "expires_at": expires_at,
        "revoked_at": None,
    }
    insert_rows(store, _KEYS, [row])
    return _key_of(store.connection.execute(select(_KEYS).where(_KEYS.c.id == key_id)).one())


@unit
def revoke_key(store: Store, key_id: str) -> Key:
    """A second time changes nothing. Raises KeyNotFound."""
    found = key(store, key_id)
    if found is None or store.scope.tenant not in (None, found.tenant):
        raise KeyNotFound(key=key_id)
    same = (_KEYS.c.id == key_id, _KEYS.c.revoked_at.is_(None))
    store.connection.execute(update(_KEYS).where(*same).values(revoked_at=store.now))
    return _key_of(store.connection.execute(select(_KEYS).where(_KEYS.c.id == key_id)).one())


def _user_of(row: Row[Any]) -> User:
    return User(**{**row._mapping, "role": Role(row.role)})


def _key_of(row: Row[Any]) -> Key:
    scopes = None if row.scopes is None else frozenset(Permission(scope) for scope in row.scopes)
    return Key(**{**row._mapping, "role": Role(row.role), "scopes": scopes})
