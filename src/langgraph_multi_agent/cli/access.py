"""`lgma users` and `lgma keys`: who may come in, said by the operator at the machine.

Works on the database that the settings name, with no credential and also beside a running server:
that makes the first admin, and lets somebody in again. Called by `program`. Invariant: a password is
never an argument, and a secret that was made is shown this once and on standard output only.
"""

import os
import pwd
import secrets
import shlex
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from langgraph_multi_agent.access import TENANT, Scope
from langgraph_multi_agent.access.names import fold
from langgraph_multi_agent.access.policy import Permission, Role, permissions_of
from langgraph_multi_agent.cli.call import Call, Outcome, write_error
from langgraph_multi_agent.cli.confirmation import confirm
from langgraph_multi_agent.cli.connection import DataDir, load_settings, quiet_logs
from langgraph_multi_agent.cli.exits import Exit, Trouble
from langgraph_multi_agent.cli.language import language
from langgraph_multi_agent.cli.paper import Block, Lines, Rows
from langgraph_multi_agent.cli.tasks import local_time
from langgraph_multi_agent.domain.errors import Fault, KeyNotFound, NameTaken, UserNotFound
from langgraph_multi_agent.domain.task import DEFAULT_TENANT
from langgraph_multi_agent.i18n import text

if TYPE_CHECKING:
    from langgraph_multi_agent.bootstrap.identities import Operator
    from langgraph_multi_agent.store.identities import Key, User

MAX_PASSWORD_BYTES = 4096
"""Of standard input; the service refuses far shorter ones."""
MADE_PASSWORD_BYTES = 18

Name = Annotated[str, typer.Argument(metavar="NAME", help="cli.argument.user")]
NewName = Annotated[str, typer.Argument(metavar="NAME", help="cli.argument.new_user")]
KeyName = Annotated[str, typer.Argument(metavar="NAME", help="cli.argument.key_name")]
KeyId = Annotated[str, typer.Argument(metavar="ID", help="cli.argument.key")]
RoleWord = Annotated[str, typer.Argument(metavar="ROLE", help="cli.argument.role")]
RoleOption = Annotated[str, typer.Option("--role", metavar="ROLE", help="cli.option.role")]
Tenant = Annotated[str | None, typer.Option("--tenant", metavar="NAME", help="cli.option.tenant")]
OnlyTenant = Annotated[str | None, typer.Option("--tenant", metavar="NAME", help="cli.option.only_tenant")]
FromStdin = Annotated[bool, typer.Option("--password-stdin", help="cli.option.password_stdin")]
Generate = Annotated[bool, typer.Option("--generate", help="cli.option.generate")]
Scopes = Annotated[list[str] | None, typer.Option("--scope", metavar="PERMISSION", help="cli.option.scope")]
Days = Annotated[int | None, typer.Option("--days", metavar="N", min=1, max=3650, help="cli.option.days")]

Ending = Coroutine[Any, Any, Outcome]


# Users


async def list_users(call: Call, *, tenant: OnlyTenant = None, data_dir: DataDir = None) -> Outcome:
    """Everybody who may log in, by name."""
    scope = tenant_scope(tenant)
    async with opened(call, data_dir) as operator:
        identities = operator.identities
        found = await identities.users(scope)
    headers = _headers(call, "user", "role", "tenant", "state", "added", "changed")
    rows = [
        [
            user.name,
            user.role.word,
            user.tenant,
            call.say("cli.access.enabled" if user.is_enabled else "cli.access.disabled"),
            _time(user.created_at),
            _time(user.updated_at),
        ]
        for user in found
    ]
    blocks: list[Block] = [Rows(headers, rows) if rows else Lines([call.say("cli.users.none")])]
    alike = _alike(found)
    blocks += [Lines([call.say("cli.users.alike", names=", ".join(names))]) for names in alike]
    return Outcome(blocks=blocks, data={"users": [_user_data(u) for u in found], "alike": alike})


def _alike(users: Sequence["User"]) -> list[list[str]]:
    """Names from before they had a key that are one but for case and width."""
    by_key: dict[str, list[str]] = {}
    for user in users:
        by_key.setdefault(fold(user.name), []).append(user.name)
    return [names for names in by_key.values() if len(names) > 1]


def add_user(
    call: Call,
    name: NewName,
    *,
    role: RoleOption = "user",
    tenant: Tenant = None,
    password_stdin: FromStdin = False,
    generate: Generate = False,
    data_dir: DataDir = None,
) -> Ending:
    """Somebody new, with a password; reads it before anything is opened."""
    wanted, scope = _role(role), tenant_scope(tenant or DEFAULT_TENANT)
    password = "" if call.dry_run else _password(call, name, from_stdin=password_stdin, is_made=generate)

    async def added() -> Outcome:
        async with opened(call, data_dir) as operator:
            identities = operator.identities
            if call.dry_run:
                if (same := await identities.named(tenant_scope(None), name)) is not None:
                    raise NameTaken(name=same.name)
                return unapplied(call, "add", name, None, "cli.dry_run.user_add", user=name, role=wanted.word)
            async with recorded(call, operator, scope.tenant, "user.add", name, role=wanted.word):
                user = await identities.add_user(scope, name=name, role=wanted, password=password)
        undo = f"lgma users disable {shlex.quote(name)}"
        lines = [call.say("cli.done.user_add", user=name, role=wanted.word, tenant=user.tenant)]
        return applied(
            call, "add", name, None, _user_data(user), lines=[*lines, *_shown(call, password, generate)], undo=undo,
            data={"user": _user_data(user), **({"password": password} if generate else {})},
        )

    return added()


def set_password(
    call: Call, name: Name, *, password_stdin: FromStdin = False, generate: Generate = False, data_dir: DataDir = None
) -> Ending:
    """Another password; every session of theirs ends."""
    password = "" if call.dry_run else _password(call, name, from_stdin=password_stdin, is_made=generate)
    lines = _shown(call, password, generate)
    data = {"password": password} if generate and not call.dry_run else {}
    return _changed(call, data_dir, name, "password", lambda _: None, password=password, lines=lines, data=data)


def set_role(call: Call, name: Name, role: RoleWord, data_dir: DataDir = None) -> Ending:
    """Another role; every session of theirs ends."""
    wanted = _role(role)

    def undo(before: "User") -> str:
        return f"lgma users role {shlex.quote(name)} {before.role.word}"

    return _changed(call, data_dir, name, "role", undo, role=wanted, words={"role": wanted.word})


def disable_user(call: Call, name: Name, data_dir: DataDir = None) -> Ending:
    """They can no longer log in, and every session of theirs ends."""
    undo = f"lgma users enable {shlex.quote(name)}"
    return _changed(call, data_dir, name, "disable", lambda _: undo, is_enabled=False)


def enable_user(call: Call, name: Name, data_dir: DataDir = None) -> Ending:
    """They can log in again."""
    undo = f"lgma users disable {shlex.quote(name)}"
    return _changed(call, data_dir, name, "enable", lambda _: undo, is_enabled=True)


async def _changed(
    call: Call,
    data_dir: Any,
    name: str,
    verb: str,
    undo: Callable[["User"], str | None],
    *,
    role: Role | None = None,
    password: str | None = None,
    is_enabled: bool | None = None,
    words: dict[str, str] | None = None,
    lines: list[str] | None = None,
    data: dict[str, Any] | None = None,
) -> Outcome:
    """Change somebody; names are one namespace over all tenants, so no tenant is asked for."""
    scope = tenant_scope(None)
    async with opened(call, data_dir) as operator:
        identities = operator.identities
        before = await identities.named(scope, name)
        if before is None:
            raise UserNotFound(user=name)
        name = before.name
        if call.dry_run:
            key = f"cli.dry_run.user_{verb}"
            return unapplied(call, verb, name, _user_data(before), key, user=name, **(words or {}))
        asked = {"role": role and role.word, "new_password": bool(password) or None, "is_enabled": is_enabled}
        async with recorded(call, operator, before.tenant, "user.change", name, **asked):
            after = await identities.change_user(scope, name, role=role, password=password, is_enabled=is_enabled)
    done = call.say(f"cli.done.user_{verb}", user=name, **(words or {}))
    return applied(
        call, verb, name, _user_data(before), _user_data(after), lines=[done, *(lines or ())], undo=undo(before),
        data={"user": _user_data(after), **(data or {})},
    )


# Keys


async def list_keys(call: Call, *, tenant: OnlyTenant = None, data_dir: DataDir = None) -> Outcome:
    """All keys, newest first; never their secrets."""
    scope = tenant_scope(tenant)
    async with opened(call, data_dir) as operator:
        identities = operator.identities
        found = await identities.keys(scope)
    headers = _headers(call, "key", "title", "role", "scopes", "tenant", "state", "expires", "added")
    rows = [
        [
            key.id,
            key.name,
            key.role.word,
            call.say("cli.access.all_scopes") if key.scopes is None else " ".join(sorted(key.scopes)) or "–",
            key.tenant,
            call.say(f"cli.access.{_key_state(key)}"),
            _time(key.expires_at) or call.say("cli.access.never"),
            _time(key.created_at),
        ]
        for key in found
    ]
    none = Lines([call.say("cli.keys.none")])
    return Outcome(blocks=[Rows(headers, rows) if rows else none], data={"keys": [_key_data(k) for k in found]})


async def create_key(
    call: Call,
    name: KeyName,
    *,
    role: RoleOption = "user",
    scope: Scopes = None,
    days: Days = None,
    tenant: Tenant = None,
    data_dir: DataDir = None,
) -> Outcome:
    """A new key; its secret is shown this once."""
    wanted, scopes, where = _role(role), _permissions(scope, _role(role)), tenant_scope(tenant or DEFAULT_TENANT)
    if call.dry_run:
        return unapplied(call, "create", name, None, "cli.dry_run.key_create", id=name, role=wanted.word)
    lasts = None if days is None else timedelta(days=days)
    async with opened(call, data_dir) as operator:
        identities = operator.identities
        asked = {"name": name, "role": wanted.word, "scopes": scopes, "days": days}
        async with recorded(call, operator, where.tenant, "key.create", "", **asked) as change:
            made = await identities.create_key(where, name=name, role=wanted, scopes=scopes, lasts=lasts)
            change.target = made.key.id
    done = call.say("cli.done.key_create", id=made.key.id, name=name, role=wanted.word, tenant=made.key.tenant)
    lines = [done, f"key: {made.secret}"]
    call.note("cli.access.once")
    return applied(
        call, "create", made.key.id, None, _key_data(made.key), lines=lines, undo=f"lgma keys revoke {made.key.id}",
        data={"key": _key_data(made.key), "secret": made.secret},
    )


async def revoke_key(call: Call, key: KeyId, data_dir: DataDir = None) -> Outcome:
    """No server takes it any more, within 5 s; asks first, for it cannot be taken back."""
    everywhere = tenant_scope(None)
    async with opened(call, data_dir) as operator:
        identities = operator.identities
        before = next((found for found in await identities.keys(everywhere) if found.id == key), None)
    if before is None:
        raise KeyNotFound(key=key)
    if call.dry_run:
        return unapplied(call, "revoke", key, _key_data(before), "cli.dry_run.key_revoke", id=key)
    if before.revoked_at is None:  # asked while nothing is held
        await confirm(call, call.say("cli.confirm.key_revoke", id=key, name=before.name))
    async with opened(call, data_dir) as operator:
        identities = operator.identities
        async with recorded(call, operator, before.tenant, "key.revoke", key):
            after = await identities.revoke_key(everywhere, key)
    lines = [call.say("cli.done.key_revoke", id=key, name=before.name)]
    return applied(
        call, "revoke", key, _key_data(before), _key_data(after), lines=lines, undo=None, data={"key": _key_data(after)}
    )


# What is behind them


@asynccontextmanager
async def opened(call: Call, data_dir: Any) -> AsyncIterator["Operator"]:
    from langgraph_multi_agent import bootstrap

    settings = load_settings(data_dir)
    quiet_logs(call, settings)
    async with bootstrap.operator_services(settings) as operator:
        yield operator


@asynccontextmanager
async def recorded(
    call: Call, operator: "Operator", where: str | None, action: str, target: str, **details: Any
) -> AsyncIterator["_Change"]:
    """Around a change: it goes into the audit log of that tenant, also if it is refused; says if it could not.

    Args:
        target: empty until the change is done, where it makes something that goes by an id.
    """
    from langgraph_multi_agent.service.audit import CommandLine

    scope, change = tenant_scope(where), _Change(target)
    who, result = CommandLine(name=scope.actor), "ok"
    try:
        yield change
    except BaseException as error:
        result = error.code if isinstance(error, Fault) else Fault.code
        raise
    finally:
        given = {key: value for key, value in details.items() if value is not None}
        fields: dict[str, Any] = {"target": change.target, "result": result, "details": given}
        if not await operator.audit.record(scope, who, action=action, **fields):
            write_error(call.say("cli.access.unrecorded", action=action))


@dataclass(slots=True)
class _Change:
    """What a record is about."""

    target: str


def tenant_scope(tenant: str | None) -> Scope:
    """The operator's reach: one tenant, or all. Raises typer.BadParameter."""
    if tenant is not None and not TENANT.fullmatch(tenant):
        raise typer.BadParameter(text("cli.usage.tenant", language(), value=tenant), param_hint="--tenant")
    return Scope(tenant=tenant, actor=f"lgma:{_account()}")


def _account() -> str:
    """The operator's account on this machine, for the record; environment variables could name anybody."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # containers run as numbers without a name
        return str(os.getuid())


def _role(word: str) -> Role:
    """Raises typer.BadParameter."""
    try:
        return Role[word.upper()]
    except KeyError:
        known = ", ".join(role.word for role in Role)
        words = text("cli.usage.role", language(), value=word, known=known)
        raise typer.BadParameter(words, param_hint="ROLE") from None


def _permissions(words: list[str] | None, role: Role) -> list[Permission] | None:
    """None without any: all that the role has. Raises typer.BadParameter."""
    known = {permission.value: permission for permission in Permission if permission in permissions_of(role)}
    for word in words or ():
        if word not in known:
            said = text("cli.usage.scope", language(), value=word, role=role.word, known=", ".join(known))
            raise typer.BadParameter(said, param_hint="--scope")
    return [known[word] for word in dict.fromkeys(words)] if words else None


def _password(call: Call, name: str, *, from_stdin: bool, is_made: bool) -> str:
    """From standard input, made here, or typed twice unseen.

    Raises:
        typer.BadParameter: two ways were named.
        Trouble: nobody is there to type it, or what came is none.
    """
    if from_stdin and is_made:
        raise typer.BadParameter(text("cli.usage.one_password", language()), param_hint="--password-stdin")
    if is_made:
        return _made(name)
    if from_stdin:
        content = sys.stdin.buffer.read(MAX_PASSWORD_BYTES)
        try:
            return content.decode().removesuffix("\n").removesuffix("\r")
        except UnicodeDecodeError:
            raise Trouble("PASSWORD_UNREADABLE", Exit.USAGE) from None
    if not sys.stdin.isatty():
        raise Trouble("PASSWORD_MISSING", Exit.USAGE)
    return _typed(call, name)


def _made(name: str) -> str:
    """144 random bits; again if the name happens to be in them, which is refused."""
    while True:
        password = secrets.token_urlsafe(MADE_PASSWORD_BYTES)
        if name.casefold() not in password.casefold() or not name:
            return password


def _typed(call: Call, name: str) -> str:
    from getpass import getpass

    try:
        first = getpass(call.say("cli.password.prompt", user=name), stream=sys.stderr)
        second = getpass(call.say("cli.password.again"), stream=sys.stderr)
        first.encode()
    except (EOFError, UnicodeError):
        raise Trouble("PASSWORD_UNREADABLE", Exit.USAGE) from None
    if first != second:
        raise Trouble("PASSWORDS_DIFFER", Exit.USAGE)
    return first


def _shown(call: Call, password: str, is_made: bool) -> list[str]:
    if not is_made or call.dry_run:
        return []
    call.note("cli.access.once")
    return [f"password: {password}"]


def unapplied(call: Call, action: str, target: str, before: Any, key: str, **params: str) -> Outcome:
    change = {"action": action, "target": target, "before": before, "undo": None, "applied": False}
    return Outcome(blocks=[Lines([call.say(key, **params)])], changes=[change])


def applied(
    call: Call,
    action: str,
    target: str,
    before: Any,
    after: Any,
    *,
    lines: list[str],
    undo: str | None,
    data: dict[str, Any],
) -> Outcome:
    change = {"action": action, "target": target, "before": before, "after": after, "undo": undo, "applied": True}
    shown = [*lines, call.say("cli.undo", command=undo)] if undo else lines
    return Outcome(blocks=[Lines(shown)], data=data, changes=[change])


def _user_data(user: "User") -> dict[str, Any]:
    return {
        "id": user.id,
        "name": user.name,
        "role": user.role.word,
        "tenant": user.tenant,
        "is_enabled": user.is_enabled,
        "created_at": user.created_at.isoformat(),
        "updated_at": user.updated_at.isoformat(),
    }


def _key_data(key: "Key") -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "role": key.role.word,
        "scopes": None if key.scopes is None else sorted(scope.value for scope in key.scopes),
        "tenant": key.tenant,
        "state": _key_state(key),
        "created_by": key.created_by,
        "created_at": key.created_at.isoformat(),
        "expires_at": key.expires_at.isoformat() if key.expires_at else None,
        "revoked_at": key.revoked_at.isoformat() if key.revoked_at else None,
    }


def _key_state(key: "Key") -> str:
    if key.revoked_at is not None:
        return "revoked"
    return "valid" if key.is_valid(datetime.now(UTC)) else "expired"


def _time(moment: datetime | None) -> str:
    return local_time(moment.isoformat()) if moment else ""


def _headers(call: Call, *names: str) -> list[str]:
    return [call.say(f"cli.column.{name}") for name in names]
