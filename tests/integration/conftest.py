"""Patience for services in this process: who stops or pauses a task waits for its work however slow the machine is."""

import pytest

from langgraph_multi_agent.service import tasks


@pytest.fixture(autouse=True)
def patient_services(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "STOP_WAIT_S", 20.0)
    monkeypatch.setattr(tasks, "PAUSE_WAIT_S", 20.0)
