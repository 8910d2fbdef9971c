"""Who somebody is: users with passwords, API keys, and sessions of browsers.

Hides hashing, caching and where sessions are. Callers: the API's gate and routes, the CLI. Invariant:
a secret is never stored or logged, and what was revoked or disabled is refused within REMEMBERED_S on
every replica.
"""

import asyncio
import hashlib
import hmac
import math
import re
import secrets
import time
import unicodedata
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from langgraph_multi_agent.access import DEFAULT_SCOPE, SYSTEM_SCOPE, WORKER_SCOPE, Scope
from langgraph_multi_agent.access.names import MAX_CHARS, fold, is_label, is_person, normal
from langgraph_multi_agent.access.policy import LOCAL, Means, Permission, Principal, Role, permissions_of
from langgraph_multi_agent.domain.errors import (
    AuthenticationRequired,
    DependencyUnavailable,
    InvalidRequest,
    LoginRefused,
    NotAUser,
    PermissionDenied,
    TooManyRequests,
)
from langgraph_multi_agent.domain.ports import Clock, NewId, Sessions
from langgraph_multi_agent.store import identities
from langgraph_multi_agent.store.database import Database
from langgraph_multi_agent.store.identities import Key, User

KEY_PREFIX = "lgma_"
_KEY = re.compile(r"lgma_([0-9a-z]{12})_([A-Za-z0-9_-]{43})")
RESERVED = frozenset({DEFAULT_SCOPE.actor, WORKER_SCOPE.actor, SYSTEM_SCOPE.actor})
"""Names that are nobody's, as they stand for the system in records."""
REMEMBERED_S = 3.0
"""How long an answer about a credential is used again: revoking takes effect on every replica within this."""
REMEMBERED = 10_000
MIN_PASSWORD_CHARS, MAX_PASSWORD_CHARS = 12, 256
"""Length, not kinds of characters: NIST SP 800-63B, section 5.1.1.2."""
HASHING_AT_ONCE = 2
"""Argon2 takes 64 MiB a time: this bounds what a flood of log-ins may take."""
HASHING_IN_LINE = 16
"""Beyond these a log-in is told to come again: nobody waits behind a flood for minutes."""
MAX_KEY_DAYS = 3650
TOUCHES = 60
"""How often, within its idle time, a session that is used is prolonged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A key with its secret, which is shown this once."""

    key: Key
    secret: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionTimes:
    """How long a session lasts, in seconds: without use, and at most."""

    idle_s: float = 12 * 3600.0
    total_s: float = 7 * 86400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSession:
    """`token` goes into the cookie and nowhere else."""

    token: str
    principal: Principal
    ends_at: datetime


class IdentityService:
    """Use cases on users, keys and sessions.

    Args:
        monotonic: for what is remembered.
    """

    def __init__(
        self,
        *,
        database: Database,
        sessions: Sessions,
        clock: Clock,
        new_id: NewId,
        times: SessionTimes | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database, self._sessions, self._clock, self._new_id = database, sessions, clock, new_id
        self._times, self._monotonic = times or SessionTimes(), monotonic
        self._remembered: OrderedDict[str, tuple[float, Principal]] = OrderedDict()
        self._hashing, self._waiting = asyncio.Semaphore(HASHING_AT_ONCE), 0
        self._touched: OrderedDict[str, float] = OrderedDict()
        self._passwords = PasswordHash((Argon2Hasher(),))
        self._decoy = ""
        self._own: set[str] = set()

    # Who shows what

    async def of_key(self, secret: str, *, is_look: bool = False) -> Principal:
        """Whose key it is.

        Args:
            is_look: whether it still counts, asked anew whatever is remembered.

        Raises:
            AuthenticationRequired: it is nobody's, expired or revoked.
        """
        match = _KEY.fullmatch(secret)
        if match is None:
            raise AuthenticationRequired(reason="malformed")
        digest = _digest(secret)
        if digest in self._own:
            return LOCAL
        if is_look:
            self._remembered.pop(digest, None)
        elif (known := self._recall(digest)) is not None:
            return known
        key = await self._database.read(SYSTEM_SCOPE, identities.key, match[1])
        if key is None or not hmac.compare_digest(key.digest, digest):
            raise AuthenticationRequired(reason="unknown_key")
        now = self._clock.now()
        if not key.is_valid(now):
            raise AuthenticationRequired(reason="revoked" if key.revoked_at else "expired")
        lasts_s = (key.expires_at - now).total_seconds() if key.expires_at else REMEMBERED_S
        return self._remember(digest, principal_of_key(key), lasts_s)

    async def of_session(self, token: str, *, is_look: bool = False) -> Principal:
        """Who logged in with it.

        Args:
            is_look: whether it still counts, asked anew; that is no use of the session.

        Raises:
            AuthenticationRequired: there is no such session any more.
            DependencyUnavailable: where sessions are does not answer.
        """
        digest = _digest(token)
        if is_look:
            self._remembered.pop(digest, None)
        elif (known := self._recall(digest)) is not None:
            return known
        value = await self._sessions.get(digest)
        if value is None:
            raise AuthenticationRequired(reason="no_session")
        session = orjson.loads(value)
        now = self._clock.now()
        left_s = session["ends_at"] - now.timestamp()
        principal = await self._principal_of(session)
        if left_s <= 0 or principal is None:
            await self._sessions.delete(digest)
            raise AuthenticationRequired(reason="no_session")
        if is_look:  # remembered, it would let the next request pass without being a use
            return principal
        if self._monotonic() - self._touched.get(digest, -math.inf) > self._times.idle_s / TOUCHES:
            await self._sessions.touch(digest, ttl_s=min(self._times.idle_s, left_s))
            self._touched[digest] = self._monotonic()
            while len(self._touched) > REMEMBERED:
                self._touched.popitem(last=False)
        return self._remember(digest, principal, left_s)

    async def log_in(self, *, name: str, password: str) -> NewSession:
        """Raises LoginRefused, TooManyRequests, DependencyUnavailable."""
        user = await self._database.read(SYSTEM_SCOPE, identities.user_of_name, name)
        # Whether there is such a name must not show in how long this takes.
        known_hash = user.password_hash if user is not None else await self._decoy_hash()
        fits, better = await self._hashed(self._passwords.verify_and_update, password[:MAX_PASSWORD_CHARS], known_hash)
        if user is None or not fits or not user.is_enabled:
            raise LoginRefused
        if better is not None:
            await self._database.write(
                SYSTEM_SCOPE, identities.replace_hash, user.id, old=user.password_hash, new=better
            )
        return await self._open_for(user)

    async def log_in_by_key(self, secret: str) -> NewSession:
        """A browser's session with a key's rights; it ends with the key. Raises AuthenticationRequired."""
        principal = await self.of_key(secret)
        return await self._open(principal, {"key": principal.id})

    async def log_out(self, token: str) -> None:
        digest = _digest(token)
        self._remembered.pop(digest, None)
        if not await self._sessions.delete(digest):
            raise DependencyUnavailable(dependency="sessions", reason="unreachable")

    # Keys

    async def create_key(
        self,
        scope: Scope,
        *,
        name: str,
        role: Role,
        scopes: Sequence[Permission] | None = None,
        lasts: timedelta | None = None,
        by: Principal | None = None,
    ) -> NewKey:
        """A new key; its secret cannot be read again.

        Args:
            lasts: None for a key without an end.
            by: who asks; nobody gives more than they have. None for the operator's own command line.

        Raises:
            InvalidRequest, PermissionDenied
        """
        name = unicodedata.normalize("NFC", name)
        errors = _name_errors(name, is_label)
        if lasts is not None and not timedelta(0) < lasts <= timedelta(days=MAX_KEY_DAYS):
            errors.append({"field": "expires_in_days", "code": "above_maximum", "limit": MAX_KEY_DAYS})
        if errors:
            raise InvalidRequest(errors=errors)
        granted = permissions_of(role)
        _require_gift(by, granted if scopes is None or (by is not None and role > by.role) else granted & set(scopes))
        key_id, secret = _new_secret()
        key = await self._database.write(
            scope,
            identities.add_key,
            key_id,
            name=name,
            role=role,
            scopes=scopes,
            digest=_digest(secret),
            expires_at=None if lasts is None else self._clock.now() + lasts,
        )
        return NewKey(key=key, secret=secret)

    def own_key(self) -> str:
        """A key for whoever runs this process: the local operator's, never stored, and gone with it."""
        _, secret = _new_secret()
        self._own.add(_digest(secret))
        return secret

    async def keys(self, scope: Scope) -> list[Key]:
        return await self._database.read(scope, identities.keys)

    async def revoke_key(self, scope: Scope, key_id: str) -> Key:
        """Raises KeyNotFound."""
        key = await self._database.write(scope, identities.revoke_key, key_id)
        self._forget()
        return key

    # Users

    async def add_user(
        self, scope: Scope, *, name: str, role: Role, password: str, by: Principal | None = None
    ) -> User:
        """`by` as in `create_key`. Raises InvalidRequest, NameTaken, PermissionDenied."""
        _require_gift(by, permissions_of(role))
        name = normal(name)
        errors = [*_name_errors(name, is_person), *_password_errors(password, name)]
        if errors:
            raise InvalidRequest(errors=errors)
        password_hash = await self._hashed(self._passwords.hash, password)
        return await self._database.write(
            scope, identities.add_user, self._new_id(), name=name, role=role, password_hash=password_hash
        )

    async def users(self, scope: Scope) -> list[User]:
        return await self._database.read(scope, identities.users)

    async def named(self, scope: Scope, name: str) -> User | None:
        """Whose name it is, in whatever case or width; None for nobody in scope."""
        found = await self._database.read(SYSTEM_SCOPE, identities.user_of_name, name)
        return found if found is not None and scope.tenant in (None, found.tenant) else None

    async def has_users(self) -> bool:
        return await self._database.read(SYSTEM_SCOPE, identities.has_users)

    async def change_user(
        self,
        scope: Scope,
        name: str,
        *,
        role: Role | None = None,
        password: str | None = None,
        is_enabled: bool | None = None,
        by: Principal | None = None,
    ) -> User:
        """Their sessions end. Nobody changes somebody who may do more: `by` as in `create_key`.

        Raises:
            InvalidRequest, UserNotFound, LastAdmin, PermissionDenied
        """
        if role is not None:
            _require_gift(by, permissions_of(role))
        if password is not None and (errors := _password_errors(password, name)):
            raise InvalidRequest(errors=errors)
        password_hash = None if password is None else await self._hashed(self._passwords.hash, password)
        user = await self._database.write(
            scope,
            identities.change_user,
            name,
            role=role,
            password_hash=password_hash,
            is_enabled=is_enabled,
            within=None if by is None else by.permissions,
        )
        self._forget()
        return user

    # One's own

    async def change_own_password(self, who: Principal, *, old: str, new: str) -> NewSession:
        """Another password; every session of theirs ends but the one that is answered.

        Raises:
            NotAUser: they did not log in with a password.
            InvalidRequest: `old_password` is not theirs, or `password` will not do.
            AuthenticationRequired: they were disabled or removed meanwhile.
            TooManyRequests, DependencyUnavailable
        """
        user = await self._own_user(who)
        if not await self._hashed(self._passwords.verify, old[:MAX_PASSWORD_CHARS], user.password_hash):
            raise InvalidRequest(errors=[{"field": "old_password", "code": "password_wrong"}])
        errors = _password_errors(new, user.name)
        if not errors and new == old:
            errors = [{"field": "password", "code": "password_same"}]
        if errors:
            raise InvalidRequest(errors=errors)
        new_hash = await self._hashed(self._passwords.hash, new)
        changed = await self._database.write(
            SYSTEM_SCOPE, identities.renew_password, user.id, old=user.password_hash, new=new_hash
        )
        self._forget()
        if changed is None:
            raise AuthenticationRequired(reason="no_session")
        return await self._open_for(changed)

    async def log_out_everywhere(self, who: Principal) -> None:
        """Every session of theirs ends. Raises NotAUser, AuthenticationRequired, DependencyUnavailable."""
        user = await self._own_user(who)
        await self._database.write(SYSTEM_SCOPE, identities.end_sessions, user.id)
        self._forget()

    async def _own_user(self, who: Principal) -> User:
        if who.means is not Means.SESSION:
            raise NotAUser
        user = await self._database.read(SYSTEM_SCOPE, identities.user, who.id)
        if user is None or not user.is_enabled:
            raise AuthenticationRequired(reason="no_session")
        return user

    # What is behind them

    async def _open_for(self, user: User) -> NewSession:
        return await self._open(principal_of_user(user), {"user": user.id, "generation": user.generation})

    async def _open(self, principal: Principal, subject: dict[str, Any]) -> NewSession:
        token, now = secrets.token_urlsafe(32), self._clock.now()
        ends_at = now + timedelta(seconds=self._times.total_s)
        value = orjson.dumps({**subject, "ends_at": ends_at.timestamp()})
        if not await self._sessions.create(_digest(token), value, ttl_s=self._times.idle_s):
            raise DependencyUnavailable(dependency="sessions", reason="unreachable")
        return NewSession(token=token, principal=principal, ends_at=ends_at)

    async def _principal_of(self, session: dict[str, Any]) -> Principal | None:
        """Today's rights of whom a session is of; None if they have none any more."""
        if "key" in session:
            key = await self._database.read(SYSTEM_SCOPE, identities.key, session["key"])
            return principal_of_key(key) if key is not None and key.is_valid(self._clock.now()) else None
        user = await self._database.read(SYSTEM_SCOPE, identities.user, session["user"])
        if user is None or not user.is_enabled or user.generation != session["generation"]:
            return None
        return principal_of_user(user)

    async def _hashed(self, work: Callable[..., Any], *arguments: str) -> Any:
        """Raises TooManyRequests: so many wait already that the last would wait for seconds."""
        if self._waiting >= HASHING_IN_LINE:
            raise TooManyRequests(allowed=str(HASHING_IN_LINE), retry_after_s=2)
        self._waiting += 1
        try:
            async with self._hashing:
                return await asyncio.to_thread(work, *arguments)
        finally:
            self._waiting -= 1

    async def _decoy_hash(self) -> str:
        if not self._decoy:
            self._decoy = await self._hashed(self._passwords.hash, secrets.token_urlsafe())
        return self._decoy

    def _recall(self, digest: str) -> Principal | None:
        until, principal = self._remembered.get(digest, (0.0, None))
        return principal if self._monotonic() < until else None

    def _remember(self, digest: str, principal: Principal, lasts_s: float) -> Principal:
        self._remembered[digest] = (self._monotonic() + min(REMEMBERED_S, lasts_s), principal)
        self._remembered.move_to_end(digest)
        while len(self._remembered) > REMEMBERED:
            self._remembered.popitem(last=False)
        return principal

    def _forget(self) -> None:
        """Here at once; the other replicas follow within REMEMBERED_S."""
        self._remembered.clear()


def _require_gift(by: Principal | None, granted: frozenset[Permission]) -> None:
    """Nobody gives more than they have. Raises PermissionDenied: names what they lack."""
    if by is not None and (missing := granted - by.permissions):
        raise PermissionDenied(permission=min(missing).value, role=by.role.word)


def principal_of_key(key: Key) -> Principal:
    return Principal(
        id=key.id, name=f"key:{key.name}", tenant=key.tenant, role=key.role, means=Means.KEY, scopes=key.scopes
    )


def principal_of_user(user: User) -> Principal:
    return Principal(id=user.id, name=user.name, tenant=user.tenant, role=user.role, means=Means.SESSION)


def _new_secret() -> tuple[str, str]:
    """The id of a key and the key."""
    key_id = "".join(secrets.choice("0123456789abcdefghijklmnopqrstuvwxyz") for _ in range(12))
    return key_id, f"{KEY_PREFIX}{key_id}_{secrets.token_urlsafe(32)}"


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _name_errors(name: str, is_allowed: Callable[[str], bool]) -> list[dict[str, Any]]:
    if not name.strip():
        return [{"field": "name", "code": "empty"}]
    if len(name) > MAX_CHARS:
        return [{"field": "name", "code": "too_long", "limit": MAX_CHARS}]
    if is_allowed(name) and fold(name) not in RESERVED:
        return []
    return [{"field": "name", "code": "name_not_allowed" if is_allowed is is_person else "invalid"}]


def _password_errors(password: str, name: str) -> list[dict[str, Any]]:
    if len(password) < MIN_PASSWORD_CHARS:
        return [{"field": "password", "code": "password_too_short", "limit": MIN_PASSWORD_CHARS}]
    if len(password) > MAX_PASSWORD_CHARS:
        return [{"field": "password", "code": "too_long", "limit": MAX_PASSWORD_CHARS}]
    if fold(name) in fold(password) or len(set(password)) < 5:
        return [{"field": "password", "code": "password_too_simple"}]
    return []
