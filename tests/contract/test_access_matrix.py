"""Every route, asked by everybody: who has no right to it gets 401 or 403 before anything is read."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from starlette.routing import Route
from tests.support.server import Desk, open_desk

from langgraph_multi_agent.access import Scope
from langgraph_multi_agent.access.addresses import limit_key
from langgraph_multi_agent.access.policy import Permission, Role, permissions_of, role_for
from langgraph_multi_agent.api.auth.rules import KNOWN, PUBLIC, Rule, RuledRoute, needs, ruled_router
from langgraph_multi_agent.api.origins import is_own_page
from langgraph_multi_agent.domain.errors import (
    AuthenticationRequired,
    InvalidRequest,
    LoginRefused,
    NameTaken,
    TooManyRequests,
)
from langgraph_multi_agent.service.identities import HASHING_AT_ONCE, HASHING_IN_LINE

OURS = Scope(tenant="default", actor="li")
THEIRS = Scope(tenant="other", actor="wang")
PASSWORD = "a long enough secret"


def routes_of(router: Any) -> Iterator[RuledRoute]:
    for route in router.routes:
        if isinstance(included := getattr(route, "original_router", None), APIRouter):
            yield from routes_of(included)
        elif isinstance(route, Route):
            assert isinstance(route, RuledRoute), f"{route.path} asks nobody who they are"
            yield route


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    limits: Any = {"rate_limit": "999999/second", "rate_limit_failures": "999999/second"}
    async with open_desk(tmp_path, enable_auth=True, **limits) as desk:
        yield desk


def asked(app: FastAPI) -> list[tuple[str, str, Rule]]:
    return sorted(
        ((method, route.path, route.rule) for route in routes_of(app) for method in route.methods or ()),
        key=str,
    )


def path_of(template: str, **values: str) -> str:
    for name in ("task_id", "key_id", "name", "schedule_id", "checkpoint_id", "question_id", "agent_name"):
        template = template.replace(f"{{{name}:path}}", f"{{{name}}}")
        template = template.replace(f"{{{name}}}", values.get(name, "x"))
    return template


async def key_of(desk: Desk, scope: Scope = OURS, role: Role = Role.ADMIN, **more: Any) -> str:
    made = await desk.services.identities.create_key(scope, name=f"k-{role.word}", role=role, **more)
    return made.secret


async def refused_keys(desk: Desk) -> dict[str, str]:
    """By what is wrong with them."""
    identities = desk.services.identities
    revoked = await identities.create_key(OURS, name="gone", role=Role.ADMIN)
    await identities.revoke_key(OURS, revoked.key.id)
    expired = await identities.create_key(OURS, name="old", role=Role.ADMIN, lasts=timedelta(microseconds=1))
    await asyncio.sleep(0.001)
    valid = await key_of(desk)
    unsigned = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiIsInJvbGUiOiJhZG1pbiJ9."
    return {
        "revoked": f"Bearer {revoked.secret}",
        "expired": f"Bearer {expired.secret}",
        "another secret": f"Bearer {valid[:-2]}{'AA' if not valid.endswith('AA') else 'BB'}",
        "unknown": f"Bearer lgma_{'0' * 12}_{'A' * 43}",
        "malformed": "Bearer lgma_",
        "no words": "Bearer",
        "basic": "Basic bGk6c2VjcmV0",
        "alg none": f"Bearer {unsigned}",
        "control": "Bearer lgma_\x01",
    }


async def test_without_a_valid_credential_every_route_but_the_public_ones_is_401(desk: Desk) -> None:
    wrong = {"none": None, **await refused_keys(desk)}
    got = {}
    for method, path, rule in asked(desk.app):
        for what, header in wrong.items():
            headers = {} if header is None else {"authorization": header}
            answer = await desk.client.request(method, path_of(path), headers=headers, content=b"{")
            if (answer.status_code == 401) != (rule is not PUBLIC) and path not in LOG_IN:
                got[method, path, what] = answer.status_code
            if answer.status_code == 401:
                assert answer.headers["www-authenticate"] == "Bearer"
    assert got == {}


LOG_IN = {"/api/v1/auth/login", "/api/v1/auth/logout"}
"""Public, and refused for other reasons: no word of who asks, and no page of ours."""


@pytest.mark.parametrize("role", list(Role))
async def test_each_role_reaches_what_it_may_and_nothing_else(desk: Desk, role: Role) -> None:
    header = {"authorization": f"Bearer {await key_of(desk, role=role)}"}
    got = {}
    for method, path, rule in asked(desk.app):
        if path in LOG_IN or path.endswith("/stream"):
            continue
        answer = await desk.client.request(method, path_of(path), headers=header, content=b"{")
        may = not isinstance(rule, Permission) or role >= role_for(rule)
        if (answer.status_code != 403) != may or answer.status_code in (401, 500):
            got[method, path] = answer.status_code
    assert got == {}


async def test_the_scopes_of_a_key_narrow_its_role(desk: Desk) -> None:
    secret = await key_of(desk, role=Role.ADMIN, scopes=[Permission.TASKS_READ])
    header = {"authorization": f"Bearer {secret}"}
    assert (await desk.client.get("/api/v1/tasks", headers=header)).status_code == 200
    for method, path, rule in asked(desk.app):
        if isinstance(rule, Permission) and rule is not Permission.TASKS_READ:
            answer = await desk.client.request(method, path_of(path), headers=header)
            assert (method, path, answer.status_code) == (method, path, 403)


async def test_another_tenant_finds_no_task_by_its_id_on_any_route(desk: Desk) -> None:
    ours = {"authorization": f"Bearer {await key_of(desk)}"}
    made = await desk.client.post("/api/v1/tasks", json={"description": "harbour"}, headers=ours)
    task_id = made.json()["id"]
    header = {"authorization": f"Bearer {await key_of(desk, THEIRS)}"}
    seen = []
    for method, path, _ in asked(desk.app):
        if "{task_id}" in path:
            answer = await desk.client.request(
                method, path_of(path, task_id=task_id), headers=header, json={"status": "cancelled"}
            )
            seen.append((method, path, answer.status_code))
    assert len(seen) > 15
    assert {status for _, _, status in seen} <= {404, 422}, seen
    assert (await desk.client.get(f"/api/v1/tasks/{task_id}", headers=ours)).json()["status"] == "pending"


async def test_with_authentication_off_everybody_is_the_local_admin(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        body = (await desk.client.get("/api/v1/auth/me")).json()
        assert body["is_required"] is False
        assert (body["identity"]["role"], body["identity"]["name"]) == ("admin", "local")
        assert (await desk.client.get("/api/v1/tasks")).status_code == 200


def test_a_route_without_a_rule_does_not_start() -> None:
    router = ruled_router()
    with pytest.raises(TypeError, match="declares no rule"):

        @router.get("/x")
        async def forgotten() -> None: ...

    @router.get("/y")
    @needs(KNOWN)
    async def remembered() -> None: ...


def test_each_role_has_all_that_the_one_below_has() -> None:
    for below, above in zip(Role, list(Role)[1:], strict=False):
        assert permissions_of(below) < permissions_of(above)


async def test_a_session_of_a_browser_is_made_by_logging_in_and_ended_by_logging_out(desk: Desk) -> None:
    await desk.services.identities.add_user(OURS, name="li", role=Role.USER, password=PASSWORD)
    client, own = desk.client, {"x-requested-with": "fetch"}
    body = {"name": "li", "password": PASSWORD}
    assert (await client.post("/api/v1/auth/login", json=body)).status_code == 403  # from which page?
    wrong = await client.post("/api/v1/auth/login", json={**body, "password": "x" * 12}, headers=own)
    nobody = await client.post("/api/v1/auth/login", json={**body, "name": "wu"}, headers=own)
    assert (wrong.status_code, nobody.status_code) == (401, 401)
    assert wrong.json()["detail"] == nobody.json()["detail"]
    answer = await client.post("/api/v1/auth/login", json=body, headers=own)
    assert answer.status_code == 200
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert (await client.get("/api/v1/auth/me")).json()["identity"]["name"] == "li"
    assert (await client.get("/api/v1/tasks")).status_code == 200
    change = {"description": "harbour"}
    assert (await client.post("/api/v1/tasks", json=change)).status_code == 403
    foreign = {"origin": "https://evil.example", **own}
    assert (await client.post("/api/v1/tasks", json=change, headers=foreign)).status_code == 403
    assert (await client.post("/api/v1/tasks", json=change, headers=own)).status_code == 202
    token = client.cookies["lgma_session"]
    assert (await client.post("/api/v1/auth/logout", headers=own)).status_code == 204
    client.cookies.set("lgma_session", token)
    assert (await client.get("/api/v1/tasks")).status_code == 401


async def test_nobody_gets_the_conversation_of_another_by_taking_a_name(desk: Desk) -> None:
    identities = desk.services.identities
    for name in ("local", "System", "worker", "key:ci", "a:b", "a/b"):
        with pytest.raises(InvalidRequest):
            await identities.add_user(OURS, name=name, role=Role.USER, password=PASSWORD)
    one, two = [await identities.create_key(OURS, name="ci", role=Role.USER) for _ in range(2)]
    actors = {(await identities.of_key(made.secret)).actor for made in (one, two)}
    assert actors == {f"key:{one.key.id}", f"key:{two.key.id}"}


async def test_a_log_in_finds_its_name_in_any_case_and_nobody_borrows_one(desk: Desk) -> None:
    identities = desk.services.identities
    added = await identities.add_user(OURS, name="Ａdmin", role=Role.ADMIN, password=PASSWORD)
    assert added.name == "Admin"
    session = await identities.log_in(name="ADMIN", password=PASSWORD)
    assert (session.principal.name, session.principal.actor) == ("Admin", "Admin")
    for taken in ("admin", "ADMIN", "ａｄｍｉｎ"):
        with pytest.raises(NameTaken):
            await identities.add_user(THEIRS, name=taken, role=Role.USER, password=PASSWORD)
    for name in ("\u0430dmin", "ad\u200bmin", "ad min", "ＬＯＣＡＬ", "local\ue000"):
        with pytest.raises(InvalidRequest) as caught:
            await identities.add_user(OURS, name=name, role=Role.USER, password=PASSWORD)
        assert caught.value.errors[0]["code"] == "name_not_allowed"


async def test_a_narrow_key_makes_and_changes_nobody_who_may_do_more(desk: Desk) -> None:
    await desk.services.identities.add_user(OURS, name="root", role=Role.ADMIN, password=PASSWORD)
    narrow = await key_of(desk, role=Role.ADMIN, scopes=[Permission.ACCESS_MANAGE])
    header = {"authorization": f"Bearer {narrow}"}
    person = {"name": "mallory", "role": "admin", "password": PASSWORD}
    for method, path, body in (
        ("POST", "/api/v1/users", person),
        ("POST", "/api/v1/users", {**person, "role": "viewer"}),
        ("PATCH", "/api/v1/users/root", {"password": "another long secret"}),
        ("PATCH", "/api/v1/users/root", {"is_enabled": True}),
        ("POST", "/api/v1/keys", {"name": "k", "role": "admin"}),
        ("POST", "/api/v1/keys", {"name": "k", "role": "viewer"}),
    ):
        answer = await desk.client.request(method, path, json=body, headers=header)
        assert (path, answer.status_code) == (path, 403)
        assert "access:manage" not in answer.json()["detail"]  # it names what is lacking
    same = {"name": "k", "role": "admin", "scopes": ["access:manage"]}
    made = await desk.client.post("/api/v1/keys", json=same, headers=header)
    assert made.status_code == 201


async def test_nobody_is_kept_from_logging_in_by_those_who_try_their_name(tmp_path: Path) -> None:
    async with open_desk(tmp_path, enable_auth=True, rate_limit_login="3/day") as desk:
        await desk.services.identities.add_user(OURS, name="li", role=Role.USER, password=PASSWORD)
        own = {"x-requested-with": "fetch"}

        async def log_in(address: str, password: str) -> int:
            transport = httpx.ASGITransport(desk.app, client=(address, 1))
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
                body = {"name": "li", "password": password}
                return (await client.post("/api/v1/auth/login", json=body, headers=own)).status_code

        tried = [await log_in(f"2001:db8::{number}", "x" * 12) for number in range(5)]
        assert tried == [401, 401, 401, 429, 429]  # one customer's addresses count as one
        assert await log_in("192.0.2.7", PASSWORD) == 200


async def test_a_flood_of_log_ins_is_told_to_come_again_and_nobody_waits_behind_it(desk: Desk) -> None:
    identities = desk.services.identities
    identities._passwords = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),))
    for _ in range(HASHING_AT_ONCE):  # the line does not move before it was full, whoever is slow here
        await identities._hashing.acquire()
    names = ["nobody"] * (HASHING_IN_LINE + 10)
    flood = [asyncio.create_task(identities.log_in(name=name, password="x" * 12)) for name in names]
    await asyncio.wait(flood, return_when=asyncio.FIRST_COMPLETED)
    for _ in range(HASHING_AT_ONCE):
        identities._hashing.release()
    outcomes = await asyncio.gather(*flood, return_exceptions=True)
    kinds = {type(outcome) for outcome in outcomes}
    assert kinds == {LoginRefused, TooManyRequests}


async def test_logging_in_again_ends_the_session_before(desk: Desk) -> None:
    await desk.services.identities.add_user(OURS, name="li", role=Role.USER, password=PASSWORD)
    own, body = {"x-requested-with": "fetch"}, {"name": "li", "password": PASSWORD}
    await desk.client.post("/api/v1/auth/login", json=body, headers=own)
    first = desk.client.cookies["lgma_session"]
    await desk.client.post("/api/v1/auth/login", json=body, headers=own)
    assert desk.client.cookies["lgma_session"] != first
    desk.client.cookies.set("lgma_session", first)
    with pytest.raises(AuthenticationRequired):
        await desk.services.identities.of_session(first)


@pytest.mark.parametrize(
    ("origin", "host", "is_secure", "is_own"),
    [
        ("https://lgma.example", "lgma.example", True, True),
        ("https://lgma.example", "lgma.example", False, True),  # a proxy that does not tell
        ("http://lgma.example", "lgma.example", True, False),
        ("https://lgma.example:8443", "lgma.example", True, False),
        ("http://lgma.example:8000", "lgma.example:8000", False, True),
        ("http://lgma.example:9000", "lgma.example:8000", False, False),
        ("https://evil.example", "lgma.example", True, False),
        ("null", "lgma.example", False, False),
        ("https://app.example", "lgma.example", True, True),
        ("*", "lgma.example", True, False),
    ],
)
def test_a_session_counts_for_pages_of_our_own_scheme_host_and_port_only(
    origin: str, host: str, is_secure: bool, is_own: bool
) -> None:
    assert is_own_page(origin, host, ["https://app.example", "*"], is_secure=is_secure) is is_own


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:0:1:aaaa::1", "2001:db8:0:1::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("testclient", "testclient"),
        ("", ""),
    ],
)
def test_an_address_counts_by_what_one_customer_has(address: str, key: str) -> None:
    assert limit_key(address) == key
