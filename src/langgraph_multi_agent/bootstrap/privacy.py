"""Personal data for an operator at the machine, without a server or beside a running one.

Hides where artifacts are and what Redis keeps. Caller: `lgma privacy`. Invariant: as in `identities`, and
the storage of artifacts is the installation's own.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from langgraph_multi_agent.access import SYSTEM_SCOPE
from langgraph_multi_agent.artifacts.opening import open_artifacts
from langgraph_multi_agent.bootstrap.adapters import redis_prefix
from langgraph_multi_agent.bootstrap.identities import operator_services
from langgraph_multi_agent.domain.clock import SystemClock
from langgraph_multi_agent.domain.errors import SettingsUnsafe
from langgraph_multi_agent.models.recall import ANSWERS
from langgraph_multi_agent.service.privacy import PrivacyService, Traces
from langgraph_multi_agent.settings import Settings
from langgraph_multi_agent.store import installation


@asynccontextmanager
async def privacy_service(settings: Settings, *, copies: Sequence[Path]) -> AsyncIterator[PrivacyService]:
    """Open the database and the storage of the settings.

    Args:
        copies: folders in which something of a task is kept below the task's id.

    Raises:
        DataDirectoryInUse: its owner did not begin to serve in time.
        SettingsUnsafe, DependencyUnavailable: something cannot be used, or does not answer.
    """
    async with operator_services(settings) as operator, AsyncExitStack() as stack:
        database = operator.database
        artifacts = open_artifacts(settings.artifacts_url, cache_dir=settings.data_dir / "artifact-cache")
        await artifacts.check_marker(
            lambda proposed: database.write(
                SYSTEM_SCOPE, installation.agree, installation.ARTIFACT_STORAGE, proposed
            )
        )
        traces: Traces | None = None
        if settings.redis_url is not None:
            from langgraph_multi_agent.cache.traces import open_traces

            try:
                traces = await stack.enter_async_context(
                    open_traces(settings.redis_url, prefix=await redis_prefix(database), answers=ANSWERS)
                )
            except ValueError as error:
                raise SettingsUnsafe(setting="REDIS_URL", reason="redis_unusable", detail=str(error)) from None
        yield PrivacyService(
            database=database,
            artifacts=artifacts,
            audit=operator.audit,
            clock=SystemClock(),
            traces=traces,
            copies=copies,
            is_alone=operator.is_alone,
        )
