"""Whether PostgreSQL and Redis are there and fit, each as a finding.

Caller: `doctor`. Hides which facts of a server matter. Invariants: servers are only asked, never
changed; every question has a deadline; no finding holds a password.
"""

from urllib.parse import urlsplit

from langgraph_multi_agent.domain.errors import DependencyUnavailable, SettingsUnsafe
from langgraph_multi_agent.ops.finding import Finding, State
from langgraph_multi_agent.queue.server import redis_facts
from langgraph_multi_agent.settings import Settings
from langgraph_multi_agent.store.connections import connection_budget, processes_of, server_limits

POSTGRES_MIN, REDIS_MIN = 15, 7
QUEUE_POLICY = "noeviction"


async def postgres_reachable(settings: Settings, *, deadline_s: float) -> Finding:
    """PostgreSQL answers, is new enough, and has connections for the processes of a replica."""
    params = {"address": _shown(settings.database_url)}
    try:
        limits = await server_limits(settings.libpq_url, deadline_s=deadline_s)
    except DependencyUnavailable as fault:
        reason = fault.params.get("reason", "")
        return Finding(code="POSTGRES_UNREACHABLE", state=State.CRIT, params={**params, "reason": reason})
    params |= {"version": str(limits.version)}
    processes = processes_of(settings.async_workers)
    if limits.version < POSTGRES_MIN:
        return Finding(code="POSTGRES_OLD", state=State.CRIT, params={**params, "minimum": POSTGRES_MIN})
    try:
        budget = connection_budget(
            pool_size=settings.database_pool_size,
            max_overflow=settings.database_max_overflow,
            processes=processes,
            max_connections=limits.max_connections,
            reserved=limits.reserved,
        )
    except SettingsUnsafe as unsafe:
        return Finding(code="CONNECTIONS_FEW", state=State.CRIT, params={**params, **unsafe.params})
    params |= {
        "per_process": str(budget.per_process),
        "processes": str(processes),
        "max_connections": str(limits.max_connections),
    }
    if budget.warning is not None:
        return Finding(code="CONNECTIONS_CLAMPED", state=State.WARN, params={**params, **budget.warning.params})
    return Finding(code="POSTGRES_OK", state=State.OK, params=params)


async def cache_reachable(settings: Settings, *, deadline_s: float) -> Finding:
    """The Redis of cache and sessions answers and is new enough."""
    if settings.redis_url is None:
        return Finding(code="REDIS_NONE", state=State.SKIPPED if settings.queue_redis_url else State.WARN)
    return await _redis(settings.redis_url, "REDIS_URL", deadline_s=deadline_s)


async def queue_reachable(settings: Settings, *, deadline_s: float) -> Finding:
    """The queue's Redis answers, is new enough, and evicts nothing."""
    address = settings.queue_redis_url
    if address is None:
        return Finding(code="QUEUE_NONE", state=State.SKIPPED)
    finding = await _redis(address, "QUEUE_REDIS_URL", deadline_s=deadline_s)
    if finding.state is not State.OK:
        return finding
    if finding.params["policy"] != QUEUE_POLICY:
        return Finding(code="QUEUE_EVICTS", state=State.WARN, params=finding.params)
    if any(warning.code == "queue_beside_cache" for warning in settings.warnings):
        return Finding(code="QUEUE_BESIDE_CACHE", state=State.WARN, params=finding.params)
    return finding


async def _redis(address: str, setting: str, *, deadline_s: float) -> Finding:
    params = {"address": _shown(address), "setting": setting}
    try:
        facts = await redis_facts(address, deadline_s=deadline_s)
    except DependencyUnavailable as fault:
        reason = fault.params.get("reason", "")
        return Finding(code="REDIS_UNREACHABLE", state=State.CRIT, params={**params, "reason": reason})
    params |= {"version": ".".join(map(str, facts.version)), "policy": facts.eviction_policy}
    if facts.version[0] < REDIS_MIN:
        return Finding(code="REDIS_OLD", state=State.CRIT, params={**params, "minimum": str(REDIS_MIN)})
    return Finding(code="REDIS_OK", state=State.OK, params=params)


def _shown(address: str) -> str:
    """An address without user, password and options."""
    url = urlsplit(address)
    return f"{url.scheme}://{url.netloc.rpartition('@')[2]}{url.path}"
