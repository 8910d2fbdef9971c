"""What people do with their own account: another password, and logging out everywhere."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support.server import Desk, open_desk

from langgraph_multi_agent.access import Scope
from langgraph_multi_agent.access.policy import Role
from langgraph_multi_agent.domain.errors import AuthenticationRequired

OURS = Scope(tenant="default", actor="li")
OWN = {"x-requested-with": "fetch"}
FIRST, SECOND = "a long enough secret", "another secret, as long"
COOKIE = "lgma_session"


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    limits: Any = {"rate_limit": "999999/second", "rate_limit_failures": "999999/second"}
    async with open_desk(tmp_path, enable_auth=True, rate_limit_login="999999/second", **limits) as desk:
        await desk.services.identities.add_user(OURS, name="li", role=Role.VIEWER, password=FIRST)
        await desk.services.identities.add_user(OURS, name="wang", role=Role.USER, password=FIRST)
        yield desk


async def token_of(desk: Desk, name: str = "li", password: str = FIRST) -> str:
    return (await desk.services.identities.log_in(name=name, password=password)).token


async def post(desk: Desk, path: str, token: str, body: Any = None, **headers: str) -> httpx.Response:
    desk.client.cookies.clear()
    sent = {"cookie": f"{COOKIE}={token}", **OWN, **headers}
    return await desk.client.post(f"/api/v1/auth/{path}", json=body, headers=sent)


async def is_valid(desk: Desk, token: str) -> bool:
    try:
        await desk.services.identities.of_session(token)
    except AuthenticationRequired:
        return False
    return True


def words(old: str, new: str) -> dict[str, str]:
    return {"old_password": old, "password": new}


async def test_a_new_password_of_ones_own_ends_the_other_sessions_and_keeps_this_one(desk: Desk) -> None:
    here, elsewhere, other = await token_of(desk), await token_of(desk), await token_of(desk, "wang")
    answer = await post(desk, "password", here, words(FIRST, SECOND))
    assert answer.status_code == 200, answer.text
    assert answer.json()["identity"]["name"] == "li"
    assert answer.headers["cache-control"] == "no-store"
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    now = answer.cookies[COOKIE]
    assert [await is_valid(desk, token) for token in (here, elsewhere, other, now)] == [False, False, True, True]
    login = "/api/v1/auth/login"
    old, new = ({"name": "li", "password": word} for word in (FIRST, SECOND))
    assert (await desk.client.post(login, json=old, headers=OWN)).status_code == 401
    assert (await desk.client.post(login, json=new, headers=OWN)).status_code == 200


async def test_what_is_wrong_with_a_new_password_is_said_and_changes_nothing(desk: Desk) -> None:
    here = await token_of(desk)
    for body, field, code in (
        (words("not this one, no", SECOND), "old_password", "password_wrong"),
        (words(FIRST, "short"), "password", "password_too_short"),
        (words(FIRST, "li " + "x" * 20), "password", "password_too_simple"),
        (words(FIRST, "x" * 300), "password", "too_long"),
        (words(FIRST, FIRST), "password", "password_same"),
    ):
        answer = await post(desk, "password", here, body)
        assert (answer.status_code, [(one["field"], one["code"]) for one in answer.json()["errors"]]) == (
            422,
            [(field, code)],
        )
    assert await is_valid(desk, here)


async def test_logging_out_everywhere_ends_every_session_of_ones_own(desk: Desk) -> None:
    here, elsewhere, other = await token_of(desk), await token_of(desk), await token_of(desk, "wang")
    answer = await post(desk, "logout-everywhere", here)
    assert answer.status_code == 204
    assert f'{COOKIE}=""' in answer.headers["set-cookie"]
    assert [await is_valid(desk, token) for token in (here, elsewhere, other)] == [False, False, True]
    assert await is_valid(desk, await token_of(desk))


async def test_a_key_its_session_and_a_foreign_page_change_nobodys_password(desk: Desk) -> None:
    identities = desk.services.identities
    key = (await identities.create_key(OURS, name="li", role=Role.ADMIN)).secret
    session = (await identities.log_in_by_key(key)).token
    here = await token_of(desk)
    for path, body in (("password", words(FIRST, SECOND)), ("logout-everywhere", None)):
        bearer = {"authorization": f"Bearer {key}"}
        by_key = await desk.client.post(f"/api/v1/auth/{path}", json=body, headers=bearer)
        by_session = await post(desk, path, session, body)
        assert [(a.status_code, a.json()["code"]) for a in (by_key, by_session)] == [(409, "NOT_A_USER")] * 2
        assert (await post(desk, path, here, body, origin="https://evil.example")).status_code == 403
        bare = await desk.client.post(f"/api/v1/auth/{path}", json=body, headers={"cookie": f"{COOKIE}={here}"})
        assert bare.status_code == 403
    assert await is_valid(desk, here)


async def test_what_people_do_with_their_account_is_recorded_without_a_password(desk: Desk) -> None:
    here = await token_of(desk)
    await post(desk, "password", here, words("not this one, no", SECOND))
    now = (await post(desk, "password", here, words(FIRST, SECOND))).cookies[COOKIE]
    await post(desk, "logout-everywhere", now)
    found = (await desk.services.audit.page(OURS))[::-1]
    assert [(row.actor, row.action, row.result) for row in found] == [
        ("li", "auth.password", "INVALID_REQUEST"),
        ("li", "auth.password", "200"),
        ("li", "auth.logout_everywhere", "204"),
    ]
    assert FIRST not in str(found)
    assert SECOND not in str(found)


async def test_whoever_has_a_session_cannot_guess_its_password_from_many_addresses(tmp_path: Path) -> None:
    async with open_desk(tmp_path, enable_auth=True, rate_limit_login="3/day") as desk:
        await desk.services.identities.add_user(OURS, name="li", role=Role.USER, password=FIRST)
        token, seen = await token_of(desk), []
        for number in range(5):
            transport = httpx.ASGITransport(desk.app, client=(f"192.0.2.{number}", 1))
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
                headers = {"cookie": f"{COOKIE}={token}", **OWN}
                body = words(f"guess number {number}", SECOND)
                answer = await client.post("/api/v1/auth/password", json=body, headers=headers)
                seen.append((answer.status_code, "retry-after" in answer.headers))
        assert seen == [(422, False)] * 3 + [(429, True)] * 2
        assert (await desk.services.identities.log_in(name="li", password=FIRST)).token


async def test_who_was_disabled_meanwhile_changes_nothing(desk: Desk) -> None:
    identities = desk.services.identities
    who = (await identities.log_in(name="li", password=FIRST)).principal
    await identities.change_user(OURS, "li", is_enabled=False)
    with pytest.raises(AuthenticationRequired):
        await identities.change_own_password(who, old=FIRST, new=SECOND)
    with pytest.raises(AuthenticationRequired):
        await identities.log_out_everywhere(who)
