"""`lgma quota`: what tenants may use, said at the machine, and seen by their admins."""

import pytest
from tests.e2e.test_cli_access import Shell, office, shell  # noqa: F401 fixtures
from tests.support.server import Desk

from langgraph_multi_agent.access import Scope
from langgraph_multi_agent.access.policy import Role
from langgraph_multi_agent.cli.exits import Exit

pytestmark = pytest.mark.anyio

ACME = Scope(tenant="acme", actor="")


async def test_a_tenant_gets_limits_that_count_at_once_and_are_taken_back_as_the_undo_says(
    office: tuple[Shell, Desk],  # noqa: F811
) -> None:
    shell, desk = office  # noqa: F811
    identities = desk.services.identities
    admin, person = [
        {"authorization": f"Bearer {(await identities.create_key(ACME, name='k', role=role)).secret}"}
        for role in (Role.ADMIN, Role.USER)
    ]
    before = (await desk.client.get("/api/v1/quota", headers=admin)).json()
    assert before == {
        "tenant": "acme",
        "tasks_in_flight": {"used": 0, "limit": None},
        "tokens_today": {"used": 0, "limit": None},
        "cost_today": {"used": 0.0, "limit": None},
    }
    done = await shell.json("quota", "set", "acme", "--tasks", "1", "--cost", "2.5")
    change = done["changes"][0]
    assert change["after"] == {"tasks_in_flight": 1, "tokens_a_day": None, "cost_a_day": 2.5}
    assert change["undo"] == "lgma quota set acme --tasks default --cost default"
    body = {"description": "harbour"}
    answers = [await desk.client.post("/api/v1/tasks", json=body, headers=person) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 429]
    seen = (await desk.client.get("/api/v1/quota", headers=admin)).json()
    assert seen["tasks_in_flight"] == {"used": 1, "limit": 1}
    assert (await desk.client.get("/api/v1/quota", headers=person)).status_code == 403
    shown = (await shell.json("quota", "show"))["data"]["tenants"]
    assert {one["tenant"]: one["used"]["tasks_in_flight"] for one in shown} == {"acme": 1, "default": 0}
    out, _ = await shell.text("quota", "show", "--tenant", "acme")
    assert "1 / 1 (its own)" in out
    await shell.json(*change["undo"].split()[1:])
    assert (await desk.client.post("/api/v1/tasks", json=body, headers=person)).status_code == 202
    found = (await desk.services.audit.page(ACME, action="quota.set"))[::-1]
    assert [(row.target, row.result, row.details) for row in found] == [
        ("acme", "ok", {"tasks_in_flight": "1", "cost_a_day": "2.5"}),
        ("acme", "ok", {"tasks_in_flight": "default", "cost_a_day": "default"}),
    ]


async def test_what_is_no_limit_is_refused_and_a_dry_run_changes_nothing(shell: Shell) -> None:  # noqa: F811
    for argv in (
        ("set", "acme", "--tasks", "0"),
        ("set", "acme", "--tasks", "-1"),
        ("set", "acme", "--tasks", "９"),
        ("set", "acme", "--tasks", str(2**31)),
        ("set", "acme", "--tokens", "1e6"),
        ("set", "acme", "--tokens", "9" * 5000),
        ("set", "acme", "--cost", "nan"),
        ("set", "acme", "--cost", "inf"),
        ("set", "acme", "--cost", "-0.5"),
        ("set", "Acme", "--tasks", "5"),
        ("set", "import:x", "--tasks", "5"),
    ):
        assert await shell.refused("quota", *argv, expect=Exit.USAGE) == "USAGE"
    assert await shell.refused("quota", "set", "acme", expect=Exit.USAGE) == "QUOTA_NOT_NAMED"
    planned = await shell.json("quota", "set", "acme", "--tasks", "5", "--dry-run")
    assert planned["changes"][0]["applied"] is False
    (shown,) = (await shell.json("quota", "show"))["data"]["tenants"]
    assert (shown["tenant"], shown["limits"]["tasks_in_flight"]) == ("default", None)
