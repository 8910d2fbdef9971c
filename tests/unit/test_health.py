"""Health asks in parallel, waits a bounded time, and never piles up questions that hang."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from langgraph_multi_agent.domain.clock import SystemClock
from langgraph_multi_agent.service import health
from langgraph_multi_agent.service.health import HealthService


class Silent:
    """A network that answers nothing: calls end when the test says so, cancelled or not."""

    def __init__(self) -> None:
        self.asked, self.is_over, self.is_asked_by_all = 0, asyncio.Event(), asyncio.Event()

    async def call(self, *_: object) -> bool:
        self.asked += 1
        if self.asked == 3:
            self.is_asked_by_all.set()
        call = asyncio.ensure_future(self.is_over.wait())
        try:
            return await asyncio.shield(call)
        except asyncio.CancelledError:
            await call
            raise

    read = put = call


class Hand:
    """A monotonic clock by hand."""

    seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds


def service(database: Any, clock: Any = None, **probes: Any) -> HealthService:
    return HealthService(
        database=database,
        artifacts=database,
        clock=clock or SystemClock(),
        tasks=cast("Any", SimpleNamespace(is_draining=False)),
        has_model=False,
        probes=probes,
    )


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "CHECK_DEADLINE_S", 3600.0)


async def test_all_are_asked_while_none_has_answered() -> None:
    network = Silent()
    check = asyncio.ensure_future(service(network, queue=network.call).check())
    await network.is_asked_by_all.wait()
    network.is_over.set()
    assert (await check).state == "ok"


async def test_dependencies_that_hang_are_told_at_their_deadline_and_asked_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(health, "CHECK_DEADLINE_S", 0.05)
    network = Silent()
    checked = service(network, queue=network.call)
    first = await checked.check()
    again = await checked.check()
    states = {found.name: found.state for found in first.dependencies}
    assert states == {"database": "down", "artifacts": "down", "queue": "degraded", "model": "ok"}
    assert again.state == first.state == "down"
    assert network.asked == 3
    monkeypatch.setattr(health, "CHECK_DEADLINE_S", 3600.0)
    network.is_over.set()
    assert (await checked.check()).state == "ok"


async def test_a_doorbell_that_answers_no_only_degrades() -> None:
    network = Silent()
    network.is_over.set()

    async def no() -> bool:
        return False

    found = await service(network, queue=no).check()
    assert found.state == "degraded"
    assert [each.detail for each in found.dependencies if each.name == "queue"] == ["no answer"]


async def test_who_asks_without_end_gets_one_check_until_it_has_rested() -> None:
    network, clock = Silent(), Hand()
    network.is_over.set()
    checked = service(network, clock=clock)
    first = await checked.lately()
    assert (await asyncio.gather(*(checked.lately() for _ in range(3)))) == [first] * 3
    assert network.asked == 2
    await checked.check()
    assert network.asked == 4
    clock.seconds += health.MAX_REST_S
    await checked.lately()
    assert network.asked == 6
