"""Logging in and out, API keys, and users."""

from contextlib import suppress
from datetime import timedelta
from typing import Annotated, Any

from fastapi import Path, Request
from starlette.responses import Response

from langgraph_multi_agent.access.addresses import limit_key
from langgraph_multi_agent.access.policy import Permission
from langgraph_multi_agent.api import samples
from langgraph_multi_agent.api.access_models import (
    Access,
    AllowanceModel,
    KeyList,
    KeyModel,
    KeyRequest,
    LoginRequest,
    NewKeyModel,
    PasswordRequest,
    UserChange,
    UserList,
    UserModel,
    UserRequest,
    allowance_shape,
    identity_shape,
    key_shape,
    role_named,
    user_shape,
)
from langgraph_multi_agent.api.auth.addresses import address_of
from langgraph_multi_agent.api.auth.cookies import clear_session, session_token, set_session
from langgraph_multi_agent.api.auth.gate import require_own_page
from langgraph_multi_agent.api.auth.record import concerns
from langgraph_multi_agent.api.auth.rules import KNOWN, PUBLIC, known, needs, ruled_router, within
from langgraph_multi_agent.api.body import read_json
from langgraph_multi_agent.api.context import PrincipalOf, ScopeOf, Services, ServicesOf
from langgraph_multi_agent.api.documents import example, json_body, problems
from langgraph_multi_agent.api.problems import NO_STORE, Json, MalformedJson, UnsupportedMediaType
from langgraph_multi_agent.domain import errors as faults
from langgraph_multi_agent.domain.errors import AuthenticationRequired, DependencyUnavailable, InvalidRequest
from langgraph_multi_agent.service.identities import NewSession

router = ruled_router(tags=["access"])

MAX_LOGIN_BYTES = 4096
BODY = (faults.InvalidRequest, faults.InputTooLarge, MalformedJson, UnsupportedMediaType)
ID = "0d9f3c5e-7a1b-7c3d-8e4f-5a6b7c8d9e0f"
IDENTITY: dict[str, Any] = {
    "id": ID,
    "name": "li",
    "tenant": "default",
    "role": "user",
    "means": "session",
    "permissions": ["chat", "data:export", "system:read", "tasks:read", "tasks:write"],
}
KEY: dict[str, Any] = {
    "id": "k3v9d0x2m1qa",
    "name": "nightly",
    "role": "user",
    "scopes": ["tasks:read"],
    "created_by": "li",
    "created_at": samples.MOMENT,
    "expires_at": samples.NULL,
    "revoked_at": samples.NULL,
}
USER: dict[str, Any] = {
    "id": ID,
    "name": "li",
    "role": "user",
    "is_enabled": True,
    "created_at": samples.MOMENT,
    "updated_at": samples.MOMENT,
}
ALLOWANCE: dict[str, Any] = {
    "tenant": "default",
    "tasks_in_flight": {"used": 3, "limit": 20},
    "tokens_today": {"used": 48210, "limit": samples.NULL},
    "cost_today": {"used": 0.42, "limit": 5.0},
}
KeyId = Annotated[str, Path(max_length=16)]
UserName = Annotated[str, Path(max_length=64)]


@router.get(
    "/api/v1/auth/me",
    response_model=Access,
    summary="Who you are",
    description="Public: whether this server asks who you are, and who it takes you for.",
    responses={
        **problems(faults.DependencyUnavailable),
        **example(200, "You", {"is_required": True, "identity": IDENTITY}),
    },
)
@needs(PUBLIC)
async def get_identity(request: Request, services: ServicesOf) -> Response:
    try:
        principal = await known(request)
    except AuthenticationRequired:
        principal = None
    body = {
        "is_required": services.settings.enable_auth,
        "identity": None if principal is None else identity_shape(principal),
    }
    return Json(body, headers=NO_STORE)


@router.post(
    "/api/v1/auth/login",
    response_model=Access,
    summary="Log in",
    description="With name and password, or with an API key; the answer sets the session cookie.",
    responses={
        **problems(
            *BODY,
            faults.LoginRefused,
            faults.AuthenticationRequired,
            faults.CrossSiteRequest,
            faults.TooManyRequests,
            faults.DependencyUnavailable,
        ),
        **example(200, "Logged in", {"is_required": True, "identity": IDENTITY}),
    },
    openapi_extra=json_body(LoginRequest),
)
@needs(PUBLIC)
async def log_in(request: Request, services: ServicesOf) -> Response:
    body = await read_json(request, LoginRequest, limit=MAX_LOGIN_BYTES)
    require_own_page(request)  # nobody is logged in as somebody else by a foreign page
    concerns(request, name=body.name)
    await within(request, services.settings.rate_limit_login, "login", limit_key(address_of(request)))
    if body.key is not None:
        session = await services.identities.log_in_by_key(body.key.strip())
    elif body.name and body.password:
        session = await services.identities.log_in(name=body.name, password=body.password)
    else:
        missing = "name" if not body.name else "password"
        raise InvalidRequest(errors=[{"field": missing, "code": "missing"}])
    concerns(request, who=session.principal)
    if (earlier := session_token(request)) is not None:
        with suppress(DependencyUnavailable):
            await services.identities.log_out(earlier)
    return _logged_in(request, services, session)


def _logged_in(request: Request, services: Services, session: NewSession) -> Response:
    answer = Json({"is_required": True, "identity": identity_shape(session.principal)}, headers=NO_STORE)
    lasts_s = (session.ends_at - services.clock.now()).total_seconds()
    set_session(request, answer, session.token, lasts_s=lasts_s)
    return answer


@router.post(
    "/api/v1/auth/logout",
    status_code=204,
    summary="Log out",
    description="Ends the session of the cookie, here and at once.",
    responses={**problems(faults.CrossSiteRequest, faults.DependencyUnavailable)},
)
@needs(PUBLIC)
async def log_out(request: Request, services: ServicesOf) -> Response:
    require_own_page(request)
    token = session_token(request)
    if token is not None:
        await services.identities.log_out(token)
    answer = Response(status_code=204, headers=NO_STORE)
    clear_session(request, answer)
    return answer


@router.post(
    "/api/v1/auth/password",
    response_model=Access,
    summary="Change your own password",
    description="Asks for the one of now. Your other sessions end within 5 s; the answer sets this one's new cookie.",
    responses={
        **problems(
            *BODY, faults.NotAUser, faults.CrossSiteRequest, faults.TooManyRequests, faults.DependencyUnavailable
        ),
        **example(200, "Changed", {"is_required": True, "identity": IDENTITY}),
    },
    openapi_extra=json_body(PasswordRequest),
)
@needs(KNOWN)
async def change_own_password(request: Request, services: ServicesOf, principal: PrincipalOf) -> Response:
    body = await read_json(request, PasswordRequest, limit=MAX_LOGIN_BYTES)
    limit = services.settings.rate_limit_login
    await within(request, limit, "login", limit_key(address_of(request)))
    await within(request, limit, "password", principal.id)  # a thief of a session guesses from many addresses
    session = await services.identities.change_own_password(principal, old=body.old_password, new=body.password)
    return _logged_in(request, services, session)


@router.post(
    "/api/v1/auth/logout-everywhere",
    status_code=204,
    summary="Log out everywhere",
    description="Ends all your sessions, this one too, within 5 s on every replica.",
    responses={**problems(faults.NotAUser, faults.CrossSiteRequest, faults.DependencyUnavailable)},
)
@needs(KNOWN)
async def log_out_everywhere(request: Request, services: ServicesOf, principal: PrincipalOf) -> Response:
    await services.identities.log_out_everywhere(principal)
    answer = Response(status_code=204, headers=NO_STORE)
    clear_session(request, answer)
    return answer


@router.get(
    "/api/v1/keys",
    response_model=KeyList,
    summary="List API keys",
    responses={**problems(faults.DependencyUnavailable), **example(200, "Keys", {"keys": [KEY]})},
)
@needs(Permission.ACCESS_MANAGE)
async def list_keys(services: ServicesOf, scope: ScopeOf) -> Response:
    return Json({"keys": [key_shape(key) for key in await services.identities.keys(scope)]}, headers=NO_STORE)


@router.post(
    "/api/v1/keys",
    response_model=NewKeyModel,
    status_code=201,
    summary="Create an API key",
    description="The answer holds the secret, this once. Nobody gives more than they have.",
    responses={
        **problems(*BODY, faults.PermissionDenied, faults.DependencyUnavailable),
        **example(201, "The key", {**KEY, "secret": "lgma_k3v9d0x2m1qa_<secret>"}),
    },
    openapi_extra=json_body(KeyRequest),
)
@needs(Permission.ACCESS_MANAGE)
async def create_key(
    request: Request, services: ServicesOf, scope: ScopeOf, principal: PrincipalOf
) -> Response:
    body = await read_json(request, KeyRequest, limit=services.settings.max_body_bytes)
    made = await services.identities.create_key(
        scope,
        name=body.name,
        role=role_named(body.role),
        scopes=body.scopes,
        lasts=None if body.expires_in_days is None else timedelta(days=body.expires_in_days),
        by=principal,
    )
    concerns(request, target=made.key.id, details={"name": made.key.name, "role": body.role, "scopes": body.scopes})
    return Json({**key_shape(made.key), "secret": made.secret}, status_code=201, headers=NO_STORE)


@router.delete(
    "/api/v1/keys/{key_id}",
    response_model=KeyModel,
    summary="Revoke an API key",
    description="Every replica refuses it within 5 s. Revoking it again changes nothing.",
    responses={
        **problems(faults.InvalidRequest, faults.KeyNotFound, faults.DependencyUnavailable),
        **example(200, "The key", KEY),
    },
)
@needs(Permission.ACCESS_MANAGE)
async def revoke_key(key_id: KeyId, services: ServicesOf, scope: ScopeOf) -> Response:
    return Json(key_shape(await services.identities.revoke_key(scope, key_id)), headers=NO_STORE)


@router.get(
    "/api/v1/users",
    response_model=UserList,
    summary="List users",
    responses={**problems(faults.DependencyUnavailable), **example(200, "Users", {"users": [USER]})},
)
@needs(Permission.ACCESS_MANAGE)
async def list_users(services: ServicesOf, scope: ScopeOf) -> Response:
    found = await services.identities.users(scope)
    return Json({"users": [user_shape(user) for user in found]}, headers=NO_STORE)


@router.post(
    "/api/v1/users",
    response_model=UserModel,
    status_code=201,
    summary="Add a user",
    responses={
        **problems(*BODY, faults.NameTaken, faults.PermissionDenied, faults.DependencyUnavailable),
        **example(201, "The user", USER),
    },
    openapi_extra=json_body(UserRequest),
)
@needs(Permission.ACCESS_MANAGE)
async def add_user(
    request: Request, services: ServicesOf, scope: ScopeOf, principal: PrincipalOf
) -> Response:
    body = await read_json(request, UserRequest, limit=services.settings.max_body_bytes)
    concerns(request, target=body.name, details={"role": body.role})
    user = await services.identities.add_user(
        scope, name=body.name, role=role_named(body.role), password=body.password, by=principal
    )
    return Json(user_shape(user), status_code=201, headers=NO_STORE)


@router.patch(
    "/api/v1/users/{name}",
    response_model=UserModel,
    summary="Change a user",
    description="Role, password, or whether they may log in. Their sessions end.",
    responses={
        **problems(*BODY, faults.UserNotFound, faults.PermissionDenied, faults.LastAdmin, faults.DependencyUnavailable),
        **example(200, "The user", USER),
    },
    openapi_extra=json_body(UserChange),
)
@needs(Permission.ACCESS_MANAGE)
async def change_user(
    name: UserName, request: Request, services: ServicesOf, scope: ScopeOf, principal: PrincipalOf
) -> Response:
    body = await read_json(request, UserChange, limit=services.settings.max_body_bytes)
    given = {"role": body.role, "is_enabled": body.is_enabled, "new_password": body.password is not None or None}
    concerns(request, details={key: value for key, value in given.items() if value is not None})
    user = await services.identities.change_user(
        scope,
        name,
        role=None if body.role is None else role_named(body.role),
        password=body.password,
        is_enabled=body.is_enabled,
        by=principal,
    )
    return Json(user_shape(user), headers=NO_STORE)


@router.get(
    "/api/v1/quota",
    response_model=AllowanceModel,
    summary="What your tenant may use and has used",
    description="Operators set the limits with `lgma quota set`.",
    responses={**problems(faults.DependencyUnavailable), **example(200, "Limits and use", ALLOWANCE)},
)
@needs(Permission.ACCESS_MANAGE)
async def get_quota(services: ServicesOf, scope: ScopeOf) -> Response:
    return Json(allowance_shape(await services.quotas.allowance(scope)), headers=NO_STORE)
