"""Shapes of log-in, keys and users. Callers: `v1/access`. Invariant: no answer but a new key's holds a secret."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from langgraph_multi_agent.access.policy import Permission, Principal, Role
from langgraph_multi_agent.api.models import WHOLE
from langgraph_multi_agent.domain.quota import Allowance
from langgraph_multi_agent.service.identities import MAX_PASSWORD_CHARS, MIN_PASSWORD_CHARS
from langgraph_multi_agent.store.identities import Key, User

RoleName = Literal["viewer", "user", "operator", "admin"]
_STRICT = ConfigDict(extra="forbid")
NewPassword = Annotated[
    str, Field(json_schema_extra={"minLength": MIN_PASSWORD_CHARS, "maxLength": MAX_PASSWORD_CHARS})
]
"""The service says what a password lacks in words of its own."""


class LoginRequest(BaseModel):
    """A name with its password, or an API key."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"name": "li", "password": "correct horse battery"}]}
    )

    name: Annotated[str, Field(max_length=64)] | None = None
    password: Annotated[str, Field(max_length=256)] | None = None
    key: Annotated[str, Field(max_length=128)] | None = None


class PasswordRequest(BaseModel):
    """One's own new password, with the one of now."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"old_password": "correct horse battery", "password": "another horse, another battery"}]
        },
    )

    old_password: Annotated[str, Field(max_length=256)]
    password: NewPassword


class Identity(BaseModel):
    """Who was let in, and what they may do."""

    model_config = _STRICT

    id: str
    name: str
    tenant: str
    role: RoleName
    means: Literal["local", "key", "token", "session"]
    permissions: list[Permission]


class Access(BaseModel):
    """Whether this server asks who somebody is, and who you are to it; null for nobody."""

    model_config = _STRICT

    is_required: bool
    identity: Identity | None


class KeyRequest(BaseModel):
    """A new key. Without `scopes` it may do all that its role may."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"name": "nightly", "role": "user", "scopes": ["tasks:read"], "expires_in_days": 90}]
        },
    )

    name: str
    role: RoleName = "user"
    scopes: list[Permission] | None = None
    expires_in_days: Annotated[int, Field(ge=1, le=3650, strict=True), WHOLE] | None = None


class KeyModel(BaseModel):
    """A key without its secret."""

    model_config = _STRICT

    id: str
    name: str
    role: RoleName
    scopes: list[Permission] | None
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


class NewKeyModel(KeyModel):
    """A new key. `secret` is shown this once."""

    secret: str


class KeyList(BaseModel):
    """Newest first, revoked ones too."""

    model_config = _STRICT

    keys: list[KeyModel]


class UserRequest(BaseModel):
    """Somebody who may log in."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"name": "li", "role": "user", "password": "correct horse battery"}]},
    )

    name: str
    role: RoleName = "user"
    password: NewPassword


class UserChange(BaseModel):
    """What is to change; their sessions end."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"is_enabled": False}]})

    role: RoleName | None = None
    password: NewPassword | None = None
    is_enabled: Annotated[bool, Field(strict=True)] | None = None


class UserModel(BaseModel):
    """Somebody who may log in."""

    model_config = _STRICT

    id: str
    name: str
    role: RoleName
    is_enabled: bool
    created_at: datetime
    updated_at: datetime


class UserList(BaseModel):
    """By name."""

    model_config = _STRICT

    users: list[UserModel]


class Used(BaseModel):
    """How much of a limit is used; null: there is no limit."""

    model_config = _STRICT

    used: int
    limit: int | None


class UsedCost(BaseModel):
    """The same in the currency of the models' prices."""

    model_config = _STRICT

    used: float
    limit: float | None


class AllowanceModel(BaseModel):
    """What your tenant may use and has used; a day is one of UTC."""

    model_config = _STRICT

    tenant: str
    tasks_in_flight: Used
    tokens_today: Used
    cost_today: UsedCost


REQUESTS: tuple[type[BaseModel], ...] = (LoginRequest, PasswordRequest, KeyRequest, UserRequest, UserChange)


def role_named(name: str) -> Role:
    return Role[name.upper()]


def identity_shape(principal: Principal) -> dict[str, Any]:
    return {
        "id": principal.id,
        "name": principal.name,
        "tenant": principal.tenant,
        "role": principal.role.word,
        "means": principal.means.value,
        "permissions": sorted(principal.permissions),
    }


def allowance_shape(allowance: Allowance) -> dict[str, Any]:
    limits = allowance.limits
    return {
        "tenant": allowance.tenant,
        "tasks_in_flight": {"used": allowance.tasks_in_flight, "limit": limits.tasks_in_flight},
        "tokens_today": {"used": allowance.tokens_today, "limit": limits.tokens_a_day},
        "cost_today": {"used": allowance.cost_today, "limit": limits.cost_a_day},
    }


def key_shape(key: Key) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "role": key.role.word,
        "scopes": None if key.scopes is None else sorted(key.scopes),
        "created_by": key.created_by,
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
    }


def user_shape(user: User) -> dict[str, Any]:
    return {
        "id": user.id,
        "name": user.name,
        "role": user.role.word,
        "is_enabled": user.is_enabled,
        "created_at": user.created_at,
        "updated_at": user.updated_at,
    }
