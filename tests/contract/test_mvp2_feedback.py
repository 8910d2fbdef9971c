"""Feedback, a person's settings, and what is told of the language model."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.server import Desk, open_desk

from langgraph_multi_agent.access import Scope

pytestmark = pytest.mark.anyio

FEEDBACK = "/api/v1/mvp2/feedback"


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(tmp_path / "data") as opened:
        yield opened


async def give(desk: Desk, **fields: Any) -> dict[str, Any]:
    answer = await desk.client.post(FEEDBACK, json={"type": "general", "message": "good", **fields})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["success"] is True
    data: dict[str, Any] = body["data"]
    return data


async def test_feedback_is_stored_and_listed_to_operators_newest_first(desk: Desk) -> None:
    first = await give(desk, type="bug_report", rating=2, message="按钮太小", context={"page": "/tasks"})
    second = await give(desk, context=None)
    listed = (await desk.client.get("/api/v1/feedback")).json()
    assert (listed["total"], listed["limit"], listed["offset"]) == (2, 50, 0)
    assert listed["feedback"] == [{**second, "sender": "local"}, {**first, "sender": "local"}]
    assert (second["rating"], second["context"]) == (None, {})
    page = (await desk.client.get("/api/v1/feedback", params={"limit": 1, "offset": 1})).json()
    assert [item["id"] for item in page["feedback"]] == [first["id"]]
    bugs = (await desk.client.get("/api/v1/feedback", params={"type": "bug_report"})).json()
    assert (bugs["total"], bugs["feedback"][0]["message"]) == (1, "按钮太小")


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "praise"},
        {"message": "  "},
        {"message": "x" * 8001},
        {"rating": 0},
        {"rating": 6},
        {"rating": "many"},
        {"context": "here"},
    ],
)
async def test_feedback_that_does_not_fit_is_refused_by_field(desk: Desk, fields: dict[str, Any]) -> None:
    answer = await desk.client.post(FEEDBACK, json={"type": "general", "message": "good", **fields})
    assert answer.status_code == 422
    body = answer.json()
    assert (body["success"], body["error_code"]) == (False, "INVALID_REQUEST")
    assert body["details"]["errors"][0]["field"] == next(iter(fields))
    assert (await desk.client.get("/api/v1/feedback")).json()["total"] == 0


async def test_feedback_of_another_tenant_is_not_listed(desk: Desk) -> None:
    await give(desk)
    assert (await desk.services.feedback.list(Scope(tenant="other", actor="local"))).total == 0


async def test_settings_begin_with_defaults_and_keep_what_was_set(desk: Desk) -> None:
    defaults = {"language": "zh", "theme": "system", "density": "comfortable", "currency": "USD"}
    assert (await desk.client.get("/api/v1/settings")).json() == defaults
    changed = await desk.client.put("/api/v1/settings", json={"theme": "dark", "currency": "CNY"})
    assert changed.json() == defaults | {"theme": "dark", "currency": "CNY"}
    await desk.client.put("/api/v1/settings", json={"theme": None, "language": "en"})
    assert (await desk.client.get("/api/v1/settings")).json() == defaults | {
        "language": "en",
        "currency": "CNY",
    }


@pytest.mark.parametrize(
    "body", [{"theme": "pink"}, {"font": "big"}, {"currency": "yuan"}, {"language": "fr"}, {"density": 3}]
)
async def test_unknown_settings_and_values_change_nothing(desk: Desk, body: dict[str, Any]) -> None:
    answer = await desk.client.put("/api/v1/settings", json={"theme": "dark", **body})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == next(iter(body))
    assert (await desk.client.get("/api/v1/settings")).json()["theme"] == "system"


async def test_settings_are_the_persons_own(desk: Desk) -> None:
    await desk.client.put("/api/v1/settings", json={"theme": "dark"})
    other = Scope(tenant="default", actor="somebody")
    assert (await desk.services.preferences.read(other))["theme"] == "system"


async def test_without_a_model_its_status_says_so(desk: Desk) -> None:
    assert (await desk.client.get("/api/v1/settings/model")).json() == {
        "is_configured": False,
        "provider": None,
        "model": None,
        "fallback_model": None,
        "agent_models": {},
    }


async def test_the_status_of_a_model_names_it_and_never_its_key(tmp_path: Path) -> None:
    llm: dict[str, Any] = {
        "llm_model": "big",
        "llm_base_url": "http://127.0.0.1:9/v1",
        "llm_api_key": "very-secret",
    }
    async with open_desk(tmp_path / "data", llm_fallback_model="small", **llm) as desk:
        answer = await desk.client.get("/api/v1/settings/model")
        assert answer.json() == {
            "is_configured": True,
            "provider": "openai",
            "model": "big",
            "fallback_model": "small",
            "agent_models": {},
        }
        assert "very-secret" not in answer.text
        assert "127.0.0.1" not in answer.text
