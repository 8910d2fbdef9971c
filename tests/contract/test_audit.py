"""The audit log of the API: who did what, in time and without what must not be in it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest
from tests.contract.test_access_matrix import asked
from tests.support.server import Desk, open_desk

from langgraph_multi_agent.access import Scope
from langgraph_multi_agent.access.policy import Means, Principal, Role
from langgraph_multi_agent.api.auth.record import ACTIONS
from langgraph_multi_agent.domain.errors import DependencyUnavailable, Fault
from langgraph_multi_agent.service import audit as service
from langgraph_multi_agent.service.audit import AuditService, CommandLine, Somebody, Unknown
from langgraph_multi_agent.store import audit
from langgraph_multi_agent.store.audit import Entry, Recorded
from langgraph_multi_agent.telemetry.metrics import Metrics

OURS = Scope(tenant="default", actor="li")
THEIRS = Scope(tenant="other", actor="wang")
OWN = {"x-requested-with": "fetch"}
PASSWORD = "a long enough secret"
SAFE = {"GET", "HEAD"}


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    limits: Any = {"rate_limit": "999999/second", "rate_limit_failures": "999999/second"}
    async with open_desk(tmp_path, enable_auth=True, rate_limit_login="999999/second", **limits) as desk:
        yield desk


async def bearer(desk: Desk, scope: Scope = OURS, role: Role = Role.ADMIN) -> dict[str, str]:
    made = await desk.services.identities.create_key(scope, name=f"k-{role.word}", role=role)
    return {"authorization": f"Bearer {made.secret}"}


def actor_of(header: dict[str, str]) -> str:
    """What the log calls the key of a `bearer`."""
    return "key:" + header["authorization"].split("_")[1]


async def rows(desk: Desk, scope: Scope = OURS) -> list[Recorded]:
    """In the order in which they were written."""
    return (await desk.services.audit.page(scope, limit=500))[::-1]


async def brief(desk: Desk, scope: Scope = OURS) -> list[tuple[str, str, str, str]]:
    return [(row.actor, row.action, row.target, row.result) for row in await rows(desk, scope)]


async def test_a_change_is_recorded_with_who_what_and_how_it_went(desk: Desk) -> None:
    header = {**await bearer(desk), "x-request-id": "r-1"}
    made = await desk.client.post("/api/v1/tasks", json={"description": "harbour"}, headers=header)
    task_id = made.json()["id"]
    assert (await desk.client.get("/api/v1/tasks", headers=header)).status_code == 200
    assert (await desk.client.post(f"/api/v1/tasks/{task_id}/cancel", headers=header)).status_code == 200
    assert (await desk.client.post("/api/v1/tasks/nobody/cancel", headers=header)).status_code == 404
    assert (await desk.client.post("/api/v1/tasks", content=b"{", headers=header)).status_code in (400, 415)
    assert (await desk.client.get("/api/v1/mvp2/export", headers=header)).status_code == 200
    found = await rows(desk)
    assert [(row.action, row.target, row.result) for row in found[:3]] == [
        ("task.submit", task_id, "202"),
        ("task.cancel", task_id, "200"),
        ("task.cancel", "nobody", "TASK_NOT_FOUND"),
    ]
    assert [row.action for row in found[3:]] == ["task.submit", "data.export"]
    assert {(row.actor, row.means, row.tenant, row.request_id) for row in found} == {
        (actor_of(header), "key", "default", "r-1")
    }
    assert {row.details["actor_name"] for row in found} == {"key:k-admin"}
    assert "harbour" not in orjson.dumps(found).decode()
    assert (await desk.services.audit.verify()).flaw is None


async def test_a_submission_that_was_answered_with_an_earlier_ones_task_is_recorded_as_such(desk: Desk) -> None:
    """The key is the tenant's: whoever shows it again did not make the task."""
    same: dict[str, Any] = {"name": "harbour", "description": "harbour"}
    for path in ("/api/v1/tasks", "/api/v1/mvp2/tasks"):
        made = []
        for role in (Role.USER, Role.ADMIN):
            header = {**await bearer(desk, role=role), "idempotency-key": path}
            body = same if "mvp2" in path else {"description": same["description"]}
            answer = await desk.client.post(path, json=body, headers=header)
            assert answer.status_code < 300, answer.text
            made.append(answer.headers["location"].rpartition("/")[2])
        first, second = (await rows(desk))[-2:]
        assert made[0] == made[1] == first.target == second.target
        assert (first.details.get("replayed"), second.details.get("replayed")) == (None, True)
        assert first.actor != second.actor


async def test_logging_in_and_out_and_rights_are_recorded_without_a_secret(desk: Desk) -> None:
    header = await bearer(desk)
    post = desk.client.post
    user = {"name": "li", "password": PASSWORD, "role": "user"}
    assert (await post("/api/v1/users", json=user, headers=header)).status_code == 201
    key = await post("/api/v1/keys", json={"name": "n", "role": "user"}, headers=header)
    change = {"role": "viewer", "password": PASSWORD + "!"}
    assert (await desk.client.patch("/api/v1/users/li", json=change, headers=header)).status_code == 200
    assert (await desk.client.delete(f"/api/v1/keys/{key.json()['id']}", headers=header)).status_code == 200
    for name, word in (("li", PASSWORD), ("hunter2hunter2", "x"), ("li", PASSWORD + "!")):
        await post("/api/v1/auth/login", json={"name": name, "password": word}, headers=OWN)
    assert (await post("/api/v1/auth/login", json={"key": key.json()["secret"]}, headers=OWN)).status_code == 401
    assert (await post("/api/v1/auth/logout", headers=OWN)).status_code == 204
    desk.client.cookies.clear()
    assert (await post("/api/v1/auth/logout", headers=OWN)).status_code == 204
    admin = actor_of(header)
    assert await brief(desk) == [
        (admin, "user.add", "li", "201"),
        (admin, "key.create", key.json()["id"], "201"),
        (admin, "user.change", "li", "200"),
        (admin, "key.revoke", key.json()["id"], "200"),
        ("li", "auth.login", "", "LOGIN_REFUSED"),
        ("", "auth.login", "", "LOGIN_REFUSED"),
        ("li", "auth.login", "", "200"),
        ("", "auth.login", "", "AUTHENTICATION_REQUIRED"),
        ("li", "auth.logout", "", "204"),
    ]
    found = await rows(desk)
    assert found[2].details == {"role": "viewer", "new_password": True, "actor_name": "key:k-admin"}
    text = orjson.dumps(found).decode()
    for secret in (PASSWORD, "hunter2", key.json()["secret"], header["authorization"][-20:]):
        assert secret not in text


async def test_who_is_turned_away_is_recorded_and_who_shows_nothing_is_not(desk: Desk) -> None:
    viewer = await bearer(desk, THEIRS, Role.VIEWER)
    get, post = desk.client.get, desk.client.post
    assert (await get("/api/v1/tasks")).status_code == 401
    assert (await get("/api/v1/tasks/t1", headers={"authorization": "Bearer lgma_no"})).status_code == 401
    assert (await post("/api/v1/tasks", json={}, headers=viewer)).status_code == 403
    session = await desk.services.identities.log_in_by_key(viewer["authorization"].removeprefix("Bearer "))
    desk.client.cookies.set("lgma_session", session.token)
    assert (await post("/api/v1/tasks", json={})).status_code == 403
    assert await brief(desk) == [
        ("", "access.refused", "GET /api/v1/tasks/{task_id}", "AUTHENTICATION_REQUIRED"),
        ("", "access.refused", "POST /api/v1/tasks", "CROSS_SITE_REQUEST"),
    ]
    assert (await rows(desk))[0].details == {"reason": "malformed"}
    assert await brief(desk, THEIRS) == [
        (actor_of(viewer), "access.refused", "POST /api/v1/tasks", "PERMISSION_DENIED")
    ]


async def test_an_admin_reads_the_log_of_their_tenant_page_by_page(desk: Desk) -> None:
    header, theirs = await bearer(desk), await bearer(desk, THEIRS)
    for number in range(5):
        await desk.client.post(f"/api/v1/tasks/t{number}/cancel", headers=header if number % 2 else theirs)
    other = await desk.client.get("/api/v1/audit", headers=theirs)
    assert [row["target"] for row in other.json()["rows"]] == ["t4", "t2", "t0"]
    assert other.headers["cache-control"] == "no-store"
    seen: list[str] = []
    query: dict[str, Any] = {"limit": 2}
    while True:
        body = (await desk.client.get("/api/v1/audit", params=query, headers=theirs)).json()
        seen += [row["target"] for row in body["rows"]]
        if body["next"] is None:
            break
        query["before"] = body["next"]
    assert seen == ["t4", "t2", "t0"]
    for query, expected in (
        ({"action": "task.cancel"}, 2),
        ({"action": "task.pause"}, 0),
        ({"actor": actor_of(header)}, 2),
        ({"actor": "wang"}, 0),
        ({"since": other.json()["rows"][0]["at"]}, 0),
        ({"since": other.json()["rows"][1]["at"]}, 1),
    ):
        found = (await desk.client.get("/api/v1/audit", params=query, headers=header)).json()
        assert len(found["rows"]) == expected, query
    wrong: list[dict[str, Any]] = [{"limit": 0}, {"limit": 501}, {"before": 2**63}, {"actor": "a\0"}]
    wrong += [{"since": moment} for moment in ("2026-01-01", "2026-01-01T00:00:00", "0001-01-01T00:00:00+14:00")]
    for query in wrong:
        assert (await desk.client.get("/api/v1/audit", params=query, headers=header)).status_code == 422


async def test_a_flood_of_refusals_is_counted_not_written(desk: Desk) -> None:
    for _ in range(service.REFUSALS_OF_ADDRESS + 7):
        await desk.client.get("/api/v1/tasks", headers={"authorization": "Bearer lgma_no"})
    assert len(await rows(desk)) == service.REFUSALS_OF_ADDRESS
    await desk.services.audit.close()
    last = (await rows(desk))[-1]
    assert (last.action, last.result, last.details) == ("access.refused", "left_out", {"left_out": 7})


async def test_the_bound_on_refusals_is_for_an_address_and_a_minute_and_for_all(desk: Desk) -> None:
    now = 0.0
    log = AuditService(database=desk.database, monotonic=lambda: now, patience_s=3600.0)

    async def refuse(address: str) -> None:
        await log.refused(OURS, Unknown(), target="x", result="R", request_id="", address=address)

    async def counts() -> tuple[int, int]:
        found = await rows(desk)
        left_out = sum(row.details.get("left_out", 0) for row in found)
        return len([row for row in found if row.result == "R"]), left_out

    for _ in range(12):
        await refuse("192.0.2.1")
    await refuse("192.0.2.2")
    assert await counts() == (11, 0)
    now = 61.0
    await refuse("192.0.2.1")
    await log.close()
    assert await counts() == (12, 2)
    for number in range(service.REFUSALS + 20):
        await refuse(f"2001:db8:0:{number:x}::1")
    await log.close()
    assert await counts() == (11 + service.REFUSALS, 2 + 21)


async def test_the_nameless_do_not_crowd_out_refusals_of_the_known_and_a_network_counts_once(desk: Desk) -> None:
    log = AuditService(database=desk.database, monotonic=lambda: 0.0, patience_s=3600.0)
    key = principal(Means.KEY, "k1", "key:mine")

    async def refuse(who: Somebody, address: str) -> None:
        await log.refused(OURS, who, target="x", result="R", request_id="", address=address)

    for number in range(30):
        await refuse(Unknown(), f"2001:db8::{number:x}")
        await refuse(Unknown(), f"::ffff:192.0.2.{number}")
    assert len(await rows(desk)) == service.REFUSALS_OF_ADDRESS + 30
    for number in range(service.REFUSALS):
        await refuse(Unknown(), f"203.0.{number // 256}.{number % 256}")
    assert len(await rows(desk)) == service.REFUSALS
    await refuse(key, "2001:db8::1")
    await refuse(Unknown(name="li"), "203.0.0.1")
    assert [row.actor for row in (await rows(desk))[-2:]] == ["key:k1", "li"]


def principal(means: Means, subject: str, name: str) -> Principal:
    return Principal(id=subject, name=name, tenant="default", role=Role.VIEWER, means=means)


async def test_a_name_that_a_token_brings_is_not_the_actor(desk: Desk) -> None:
    log = desk.services.audit
    for who in (
        principal(Means.TOKEN, "s-1", "root"),
        principal(Means.SESSION, "u-1", "li"),
        principal(Means.TOKEN, "x" * 300, "li"),
        principal(Means.TOKEN, "x" * 300 + "y", "li"),
    ):
        assert await log.record(OURS, who, action="a")
    token, user, *long = await rows(desk)
    assert (token.actor, token.details) == ("token:s-1", {"actor_name": "root"})
    assert (user.actor, user.details) == ("li", {})
    assert [len(row.actor) for row in long] == [128, 128]
    assert long[0].actor != long[1].actor


async def test_one_row_that_the_database_refuses_loses_no_other(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, may_write = desk.database.write, asyncio.Event()

    async def picky(scope: Scope, unit: Any, /, entries: Sequence[Entry]) -> Any:
        await may_write.wait()
        if any(entry.action == "a2" for entry in entries):
            raise ValueError("value too long")
        return await write(scope, unit, entries)

    monkeypatch.setattr(desk.services.audit, "_patience_s", 3600.0)
    monkeypatch.setattr(desk.database, "write", picky)
    recording = [
        asyncio.create_task(desk.services.audit.record(OURS, CommandLine(name="root"), action=f"a{number}"))
        for number in range(4)
    ]
    may_write.set()
    assert await asyncio.gather(*recording) == [True, True, False, True]
    assert [row.action for row in await rows(desk)] == ["a0", "a1", "a3"]


async def test_an_outage_amid_rows_that_go_one_by_one_ends_them(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    may_write = asyncio.Event()

    async def going(scope: Scope, unit: Any, /, entries: Sequence[Entry]) -> Any:
        await may_write.wait()
        asked.append(len(entries))
        if len(entries) > 1:
            raise ValueError("value too long")
        raise DependencyUnavailable(dependency="database", reason="gone")

    log = AuditService(database=desk.database, metrics=desk.services.metrics, patience_s=3600.0)
    monkeypatch.setattr(desk.database, "write", going)
    recording = [
        asyncio.create_task(log.record(OURS, CommandLine(name="root"), action=f"a{number}")) for number in range(4)
    ]
    may_write.set()
    assert not any(await asyncio.gather(*recording))
    assert asked[-2:] == [max(asked), 1]
    counted = desk.services.metrics.registry.get_sample_value("langgraph_errors_total", {"type": service.LOST})
    assert counted == 4


async def test_the_answer_waits_for_its_row(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    header, write = await bearer(desk), desk.database.write
    may_write, has_asked = asyncio.Event(), asyncio.Event()

    async def held(scope: Scope, unit: Any, /, *args: Any, **more: Any) -> Any:
        if unit is audit.append:
            has_asked.set()
            await may_write.wait()
        return await write(scope, unit, *args, **more)

    monkeypatch.setattr(desk.services.audit, "_patience_s", 3600.0)
    monkeypatch.setattr(desk.database, "write", held)
    posting = asyncio.create_task(
        desk.client.post("/api/v1/tasks", json={"description": "harbour"}, headers=header)
    )
    await has_asked.wait()
    assert not posting.done()
    assert await rows(desk) == []
    may_write.set()
    assert (await posting).status_code == 202
    assert len(await rows(desk)) == 1


async def test_what_waits_while_one_append_runs_goes_out_as_one(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, sizes = desk.database.write, list[int]()
    may_write, has_asked = asyncio.Event(), asyncio.Event()

    async def counted(scope: Scope, unit: Any, /, entries: Sequence[Entry]) -> Any:
        sizes.append(len(entries))
        has_asked.set()
        await may_write.wait()
        return await write(scope, unit, entries)

    monkeypatch.setattr(desk.database, "write", counted)
    recording = [
        asyncio.create_task(desk.services.audit.record(OURS, CommandLine(name="root"), action=f"a{number}"))
        for number in range(20)
    ]
    await has_asked.wait()
    may_write.set()
    assert all(await asyncio.gather(*recording))
    assert sum(sizes) == 20
    assert len(sizes) <= 2
    assert [row.action for row in await rows(desk)] == [f"a{number}" for number in range(20)]


async def test_an_answer_goes_out_also_where_its_row_could_not_be_written(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    header, write = await bearer(desk), desk.database.write

    async def broken(scope: Scope, unit: Any, /, *args: Any, **more: Any) -> Any:
        if unit is audit.append:
            raise DependencyUnavailable(dependency="database", reason="full")
        return await write(scope, unit, *args, **more)

    with monkeypatch.context() as patch:
        patch.setattr(desk.database, "write", broken)
        answer = await desk.client.post("/api/v1/tasks", json={"description": "harbour"}, headers=header)
    assert answer.status_code == 202
    assert await rows(desk) == []
    counted = desk.services.metrics.registry.get_sample_value("langgraph_errors_total", {"type": service.LOST})
    assert counted == 1
    await desk.client.post(f"/api/v1/tasks/{answer.json()['id']}/cancel", headers=header)
    assert [row.action for row in await rows(desk)] == ["task.cancel"]


async def test_who_gets_no_row_in_time_goes_on_without(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    may_write = asyncio.Event()
    write = desk.database.write

    async def held(scope: Scope, unit: Any, /, *args: Any) -> Any:
        await may_write.wait()
        return await write(scope, unit, *args)

    log = AuditService(database=desk.database, metrics=Metrics(with_process=False), patience_s=0.0)
    monkeypatch.setattr(desk.database, "write", held)
    assert not await log.record(OURS, CommandLine(name="root"), action="x")
    may_write.set()
    await log.close()
    assert [row.action for row in await rows(desk)] == ["x"]


async def test_with_authentication_off_requests_are_not_recorded_but_commands_are(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        await desk.submit("harbour")
        assert await rows(desk) == []
        log = desk.services.audit
        assert await log.record(OURS, CommandLine(name="root"), action="key.create", target="k", details={"days": 3})
        assert await brief(desk) == [("root", "key.create", "k", "ok")]


def test_every_changing_route_has_a_name_in_the_log_that_fits_its_column(tmp_path: Path) -> None:
    async def routes() -> set[tuple[str, str]]:
        async with open_desk(tmp_path) as desk:
            return {(method, path) for method, path, _ in asked(desk.app)}

    known = asyncio.run(routes())
    assert {key for key in known if key[0] not in SAFE} - ACTIONS.keys() == set()
    assert ACTIONS.keys() - known == set()
    assert max(map(len, ACTIONS.values())) <= 64


def all_faults(kind: type[Fault] = Fault) -> list[type[Fault]]:
    return [kind, *(found for below in kind.__subclasses__() for found in all_faults(below))]


def test_every_code_of_an_error_fits_the_column_of_results() -> None:
    assert {kind.code for kind in all_faults() if len(kind.code) > 32} == set()
