"""What a tenant may use, what it has used, and other limits for it.

Hides where both stand. Callers: the API's access routes, `lgma quota`. Invariant: who shows and who
holds the limits (`store.quotas`) count in the same way.
"""

from langgraph_multi_agent.access import Scope
from langgraph_multi_agent.domain.quota import Allowance, Quota
from langgraph_multi_agent.store import quotas
from langgraph_multi_agent.store.database import Database


class QuotaService:
    """Limits of tenants over those of the settings."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def allowance(self, scope: Scope) -> Allowance:
        """Of the scope's tenant, `default` for a scope of all."""
        return await self._database.read(scope, quotas.allowance)

    async def tenants(self, scope: Scope) -> list[str]:
        """All that have a user, a key, limits of their own, a task or a paid call, by name.

        Of a tenant's scope only itself.
        """
        return await self._database.read(scope, quotas.tenants)

    async def set_own(self, scope: Scope, own: Quota) -> None:
        """Give the scope's tenant limits of its own; None in one leaves that to the settings."""
        await self._database.write(scope, quotas.set_own, own)
