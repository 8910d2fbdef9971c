"""What a live connection may do, and that it ends with the credential that opened it."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.contract.test_ws_frames import Socket, opened
from tests.support.server import Desk, open_desk, serving
from tests.support.stores import ManualClock, counting_ids, open_sqlite
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode

from langgraph_multi_agent.access import DEFAULT_SCOPE
from langgraph_multi_agent.access.policy import Permission, Role
from langgraph_multi_agent.api.auth.revocation import LOOK_EVERY_S, Revocation
from langgraph_multi_agent.api.auth.rules import KNOWN
from langgraph_multi_agent.api.subscriptions import Subscriptions
from langgraph_multi_agent.api.ws import FRAMES
from langgraph_multi_agent.domain.clock import SystemClock
from langgraph_multi_agent.domain.errors import AuthenticationRequired, DependencyUnavailable
from langgraph_multi_agent.domain.task import Action
from langgraph_multi_agent.service.identities import IdentityService, SessionTimes
from langgraph_multi_agent.store.sessions import StoredSessions

pytestmark = pytest.mark.anyio

PASSWORD = "a long enough secret"
DEADLINE_S = 60.0
Headers = dict[str, str]


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(tmp_path / "data", enable_auth=True) as opened_desk:
        yield opened_desk


def look_every(desk: Desk, seconds: float) -> Revocation:
    revocation = Revocation(look_every_s=seconds)
    desk.services = desk.app.state.services = replace(desk.services, revocation=revocation)
    return revocation


class Tomorrow(SystemClock):
    def now(self) -> datetime:
        return super().now() + timedelta(days=1)


def other_replica(desk: Desk) -> IdentityService:
    """Of another process: it shares the database and no memory."""
    return IdentityService(
        database=desk.database,
        sessions=desk.services.identities._sessions,
        clock=SystemClock(),
        new_id=lambda: "unused",
    )


async def key_of(desk: Desk, role: Role = Role.ADMIN, **more: Any) -> tuple[str, Headers]:
    made = await desk.services.identities.create_key(DEFAULT_SCOPE, name=f"k-{role.word}", role=role, **more)
    return made.key.id, {"authorization": f"Bearer {made.secret}"}


async def session_of(desk: Desk, address: str) -> tuple[str, Headers]:
    await desk.services.identities.add_user(DEFAULT_SCOPE, name="root", role=Role.ADMIN, password=PASSWORD)
    await desk.services.identities.add_user(DEFAULT_SCOPE, name="li", role=Role.USER, password=PASSWORD)
    session = await desk.services.identities.log_in(name="li", password=PASSWORD)
    return session.token, {"cookie": f"lgma_session={session.token}", "origin": f"http://{address}"}


Undo = Callable[[], Awaitable[object]]


async def shown(desk: Desk, address: str, how: str) -> tuple[Headers, Undo]:
    """A credential, and what takes it away on another replica."""
    there = other_replica(desk)
    if how == "a key is revoked":
        key_id, headers = await key_of(desk)
        return headers, lambda: there.revoke_key(DEFAULT_SCOPE, key_id)
    token, headers = await session_of(desk, address)
    return headers, {
        "a user is disabled": lambda: there.change_user(DEFAULT_SCOPE, "li", is_enabled=False),
        "a role changes": lambda: there.change_user(DEFAULT_SCOPE, "li", role=Role.VIEWER),
        "a session ends": lambda: there.log_out(token),
    }[how]


WAYS = ["a key is revoked", "a user is disabled", "a role changes", "a session ends"]


@pytest.mark.parametrize("how", WAYS)
async def test_an_open_socket_is_closed_when(desk: Desk, how: str) -> None:
    look_every(desk, 0.05)
    async with serving(desk.app) as address:
        headers, undo = await shown(desk, address, how)
        async with opened(address, "/ws?language=en", additional_headers=headers) as socket:
            assert (await socket.ask(type="ping"))["type"] == "pong"
            await undo()
            async with asyncio.timeout(DEADLINE_S):
                with pytest.raises(ConnectionClosed) as closed:
                    await socket.connection.recv()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == CloseCode.POLICY_VIOLATION
            assert closed.value.rcvd.reason == "The log-in or key is not valid any more"


@pytest.mark.parametrize("how", WAYS)
async def test_an_event_stream_ends_when(desk: Desk, how: str) -> None:
    look_every(desk, 0.05)
    _, admin = await key_of(desk)
    made = await desk.client.post("/api/v1/tasks", json={"description": "harbour"}, headers=admin)
    path = f"/api/v1/tasks/{made.json()['id']}/events/stream"
    async with (
        serving(desk.app) as address,
        httpx.AsyncClient(base_url=f"http://{address}", timeout=DEADLINE_S) as client,
    ):
        headers, undo = await shown(desk, address, how)
        async with client.stream("GET", path, headers=headers) as answer:
            lines = answer.aiter_lines()
            assert answer.status_code == 200
            async for line in lines:
                if line.startswith("event: task.submitted"):
                    break
            await undo()
            assert [line async for line in lines if line.startswith("event:")] == []  # a whole answer, and its end
        assert (await client.get(path, headers=headers)).status_code == 401  # an EventSource gives up


def test_what_is_revoked_is_found_within_five_seconds() -> None:
    assert LOOK_EVERY_S <= 4.0


async def test_a_socket_whose_credential_counts_stays_open_however_often_it_is_looked_at(desk: Desk) -> None:
    revocation = look_every(desk, 3600)
    async with serving(desk.app) as address:
        _, headers = await key_of(desk)
        async with opened(address, additional_headers=headers) as socket:
            for _ in range(3):
                await revocation.look()
                assert (await socket.ask(type="ping"))["type"] == "pong"


async def test_a_key_that_expires_closes_its_socket(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    look_every(desk, 0.05)
    async with serving(desk.app) as address:
        _, headers = await key_of(desk, lasts=timedelta(days=1))
        async with opened(address, additional_headers=headers) as socket, asyncio.timeout(DEADLINE_S):
            monkeypatch.setattr(desk.services.identities, "_clock", Tomorrow())
            with pytest.raises(ConnectionClosed) as closed:
                await socket.connection.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == CloseCode.POLICY_VIOLATION


async def test_an_outage_throws_nobody_out(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    revocation = look_every(desk, 3600)

    async def unreachable(*_: Any, **__: Any) -> Any:
        raise DependencyUnavailable(dependency="database", reason="away")

    async with serving(desk.app) as address:
        _, headers = await key_of(desk)
        async with opened(address, additional_headers=headers) as socket:
            monkeypatch.setattr(desk.services.identities, "of_key", unreachable)
            await revocation.look()
            assert (await socket.ask(type="ping"))["type"] == "pong"


async def test_connections_of_one_credential_share_a_look_and_leave_nothing_behind(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    revocation, looks = look_every(desk, 3600), []
    of_key = desk.services.identities.of_key

    async def counted(secret: str, *, is_look: bool = False) -> Any:
        looks.append(secret) if is_look else None
        return await of_key(secret, is_look=is_look)

    monkeypatch.setattr(desk.services.identities, "of_key", counted)
    keys = [await key_of(desk), await key_of(desk)]

    @asynccontextmanager
    async def many(address: str, left: int) -> AsyncIterator[None]:
        if not left:
            yield
            return
        async with opened(address, additional_headers=keys[left % 2][1]), many(address, left - 1):
            yield

    async with serving(desk.app) as address:
        async with many(address, 10):
            await revocation.look()
            assert len(looks) == 2
            assert len(set(looks)) == 2
        async with asyncio.timeout(DEADLINE_S):
            while revocation._looking is not None:  # noqa: ASYNC110 - there is no event for the last to leave
                await asyncio.sleep(0)
    assert revocation._live == {}


async def test_a_look_is_no_use_of_a_session(tmp_path: Path) -> None:
    clock = ManualClock()
    async with open_sqlite(tmp_path, clock, counting_ids()) as database:
        identities = IdentityService(
            database=database,
            sessions=StoredSessions(database),
            clock=clock,
            new_id=counting_ids(),
            times=SessionTimes(idle_s=100),
            monotonic=clock.monotonic,
        )
        await identities.add_user(DEFAULT_SCOPE, name="li", role=Role.USER, password=PASSWORD)
        token = (await identities.log_in(name="li", password=PASSWORD)).token
        for _ in range(2):
            clock.advance(60)
            await identities.of_session(token)  # a use: it goes on for 100 s from here
        clock.advance(60)
        await identities.of_session(token, is_look=True)
        clock.advance(41)
        with pytest.raises(AuthenticationRequired):
            await identities.of_session(token, is_look=True)


@pytest.mark.parametrize("role", [None, *Role])
async def test_each_kind_of_frame_needs_what_its_rule_says(desk: Desk, role: Role | None) -> None:
    more: dict[str, Any] = {"scopes": []} if role is None else {}
    _, headers = await key_of(desk, role or Role.ADMIN, **more)
    may: frozenset[Permission] = (await desk.services.identities.of_key(headers["authorization"][7:])).permissions
    assert role is None or may
    async with serving(desk.app) as address:
        for kind, frame in FRAMES.items():
            async with opened(address, additional_headers=headers) as socket:
                answer = await socket.ask(type=kind)
                is_refused = answer.get("error_code") == "PERMISSION_DENIED"
                assert is_refused == (frame.rule is not KNOWN and frame.rule not in may), (kind, answer)
                assert (await socket.ask(type="ping"))["type"] == "pong"


def test_all_frames_of_the_contract_have_a_rule() -> None:
    assert FRAMES.keys() == {"ping", "task_subscribe", "chat_subscribe", "agent_subscribe", "get_status"}
    assert {kind for kind, frame in FRAMES.items() if frame.rule is KNOWN} == {"ping"}


async def test_all_tasks_are_told_of_a_task_whose_own_subscription_broke_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    breaks = asyncio.Event()

    async def broken(self: Subscriptions, task_id: str, after: int) -> None:
        await breaks.wait()
        raise DependencyUnavailable(dependency="database", reason="away")

    monkeypatch.setattr(Subscriptions, "_follow_one", broken)
    async with open_desk(tmp_path / "data") as desk, serving(desk.app) as address:
        task_id = (await desk.submit())["id"]
        async with opened(address) as socket:
            await socket.ask(type="task_subscribe")
            await socket.ask(type="task_subscribe", task_id=task_id)
            breaks.set()
            error = await socket.next()
            assert (error["error_code"], error["task_id"]) == ("DEPENDENCY_UNAVAILABLE", task_id)
            await desk.claim(task_id)
            await desk.finish(task_id, Action.COMPLETE)
            await until_completed(socket, task_id)


async def until_completed(socket: Socket, task_id: str) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while True:
            frame = json.loads(await socket.connection.recv())
            if frame["type"] == "task_completed" and frame["task_id"] == task_id:
                return
