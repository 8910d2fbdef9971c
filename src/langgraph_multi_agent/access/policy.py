"""Roles, permissions and who has them, as pure policy.

Hides which role may do what. Callers: the API's rules, key and user management, the CLI. Invariant:
a key never grants more than its role, and a role never more than the one above it.
"""

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from langgraph_multi_agent.access import DEFAULT_SCOPE, Scope


class Role(IntEnum):
    """Each may do what those below may."""

    VIEWER = 1
    USER = 2
    OPERATOR = 3
    ADMIN = 4

    @property
    def word(self) -> str:
        return self.name.lower()


class Permission(StrEnum):
    """What a route needs, and what a key's scopes name."""

    TASKS_READ = "tasks:read"
    TASKS_WRITE = "tasks:write"
    CHAT = "chat"
    SYSTEM_READ = "system:read"
    SYSTEM_OPERATE = "system:operate"
    METRICS_READ = "metrics:read"
    DATA_EXPORT = "data:export"
    DATA_IMPORT = "data:import"
    ACCESS_MANAGE = "access:manage"
    AUDIT_READ = "audit:read"


_NEEDS: dict[Permission, Role] = {
    Permission.TASKS_READ: Role.VIEWER,
    Permission.SYSTEM_READ: Role.VIEWER,
    Permission.TASKS_WRITE: Role.USER,
    Permission.CHAT: Role.USER,
    Permission.DATA_EXPORT: Role.USER,
    Permission.SYSTEM_OPERATE: Role.OPERATOR,
    Permission.METRICS_READ: Role.OPERATOR,
    Permission.DATA_IMPORT: Role.OPERATOR,
    Permission.ACCESS_MANAGE: Role.ADMIN,
    Permission.AUDIT_READ: Role.ADMIN,
}


def role_for(permission: Permission) -> Role:
    """The least role that has a permission."""
    return _NEEDS[permission]


def permissions_of(role: Role) -> frozenset[Permission]:
    return frozenset(permission for permission, least in _NEEDS.items() if role >= least)


class Means(StrEnum):
    """How somebody showed who they are."""

    LOCAL = "local"
    KEY = "key"
    TOKEN = "token"  # noqa: S105 the kind of credential, not one
    SESSION = "session"


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who a request is from.

    Attributes:
        id: of the user or key, stable over renames; the subject of a token.
        name: for the record and the screen.
        tenant: whose rows they may reach.
        scopes: None for all that the role has; else these of them only.
    """

    id: str
    name: str
    tenant: str
    role: Role
    means: Means
    scopes: frozenset[Permission] | None = None
    permissions: frozenset[Permission] = field(init=False)

    def __post_init__(self) -> None:
        of_role = permissions_of(self.role)
        object.__setattr__(self, "permissions", of_role if self.scopes is None else of_role & self.scopes)

    @property
    def actor(self) -> str:
        """Whose conversation and settings they have. Users go by name, which has no colon; whoever else can
        choose a name of their own goes by id.
        """
        return self.name if self.means in (Means.LOCAL, Means.SESSION) else f"{self.means}:{self.id}"

    @property
    def scope(self) -> Scope:
        """What a unit of work is told of them."""
        return Scope(tenant=self.tenant, actor=self.actor)


LOCAL = Principal(
    id=DEFAULT_SCOPE.actor,
    name=DEFAULT_SCOPE.actor,
    tenant=DEFAULT_SCOPE.tenant or "default",
    role=Role.ADMIN,
    means=Means.LOCAL,
)
"""Whoever reaches a server that asks nobody who they are."""
