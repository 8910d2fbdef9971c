"""Who may see what, as pure policy. Credentials live in `api/auth`."""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Whose rows a unit of work may touch.

    Attributes:
        tenant: only this tenant's rows; None means all, for the named system scopes only.
        actor: who acts, for the record.
    """

    tenant: str | None
    actor: str


TENANT = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?")
"""A tenant's name. No colon: `import:…` is where rows wait that nobody may see yet."""

DEFAULT_SCOPE = Scope(tenant="default", actor="local")
WORKER_SCOPE = Scope(tenant=None, actor="worker")
SYSTEM_SCOPE = Scope(tenant=None, actor="system")
