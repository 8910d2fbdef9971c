"""Users, keys and the audit log for an operator at the machine, without a server or beside a running one.

Hides who owns a SQLite file. Callers: `lgma users`, `lgma keys` and `lgma audit`. Invariant: nothing else of the
system is opened, no task is touched, and a running server is never kept waiting for longer than one
small transaction.
"""

import asyncio
import shlex
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from langgraph_multi_agent.bootstrap.adapters import new_id, open_database
from langgraph_multi_agent.domain.clock import SystemClock
from langgraph_multi_agent.domain.errors import DataDirectoryInUse
from langgraph_multi_agent.ops.data_directory import data_directory_lock
from langgraph_multi_agent.service.audit import AuditService
from langgraph_multi_agent.service.identities import IdentityService
from langgraph_multi_agent.service.quotas import QuotaService
from langgraph_multi_agent.settings import Settings
from langgraph_multi_agent.store.database import Database
from langgraph_multi_agent.store.sessions import StoredSessions

OWNER_PATIENCE_S = 20.0
"""How long a process may own the data directory without serving: it starts, or is a command like this one."""
ASK_AGAIN_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """What an operator's commands work with; what they change is to be recorded in `audit`.

    Attributes:
        is_alone: this process owns the database, so that no server or worker is at work on it.
    """

    identities: IdentityService
    audit: AuditService
    quotas: QuotaService
    database: Database
    is_alone: bool


@asynccontextmanager
async def operator_services(settings: Settings) -> AsyncIterator[Operator]:
    """Open the database of the settings for who may come in, and for who did.

    Raises:
        DataDirectoryInUse: its owner did not begin to serve within OWNER_PATIENCE_S.
        SettingsUnsafe, DependencyUnavailable: the database cannot be used, or does not answer.
    """
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        is_guest = settings.is_sqlite and not await _owned(settings, stack)
        database = await open_database(settings, clock, processes=1, is_guest=is_guest)
        stack.push_async_callback(database.close)
        audit = AuditService(database=database)
        stack.push_async_callback(audit.close)
        identities = IdentityService(
            database=database, sessions=StoredSessions(database), clock=clock, new_id=new_id
        )
        is_alone = settings.is_sqlite and not is_guest
        yield Operator(
            identities=identities,
            audit=audit,
            quotas=QuotaService(database=database),
            database=database,
            is_alone=is_alone,
        )


@asynccontextmanager
async def operator_identities(settings: Settings) -> AsyncIterator[IdentityService]:
    """The same where nothing is to be recorded. Raises as `operator_services`."""
    async with operator_services(settings) as operator:
        yield operator.identities


def first_admin_command(settings: Settings) -> str:
    """What an operator types on this machine so that somebody can come in; NAME stays theirs to choose."""
    place = ["--data-dir", str(settings.data_dir)] if settings.is_sqlite else []
    return shlex.join(["lgma", "users", "add", "NAME", "--role", "admin", *place])


async def _owned(settings: Settings, stack: AsyncExitStack) -> bool:
    """Own the data directory; False if a server that serves does, whose schema is then in place."""
    give_up = time.monotonic() + OWNER_PATIENCE_S
    while True:
        try:
            stack.enter_context(data_directory_lock(settings.data_dir))
        except DataDirectoryInUse as fault:
            if fault.params["address"]:
                return False
            if time.monotonic() > give_up:
                raise
            await asyncio.sleep(ASK_AGAIN_S)
        else:
            return True
