"""Who reads the metrics: whoever has the right, and scrapers of allowed networks without a credential."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from tests.support.server import Desk, open_desk

from langgraph_multi_agent.access import DEFAULT_SCOPE
from langgraph_multi_agent.access.policy import Permission, Role
from langgraph_multi_agent.api.auth.scrapers import FORWARDED
from langgraph_multi_agent.domain.errors import SettingsUnsafe
from langgraph_multi_agent.settings import Settings

pytestmark = pytest.mark.anyio

PATHS = ["/metrics", "/api/v1/system/metrics"]
NETWORKS = '["10.20.0.0/16", "fd00:1::/32"]'


@asynccontextmanager
async def from_address(desk: Desk, address: str) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(desk.app, client=(address, 40_000))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    networks = Settings.load({"METRICS_ALLOWED_NETWORKS": NETWORKS}).metrics_allowed_networks
    async with open_desk(tmp_path / "data", enable_auth=True, metrics_allowed_networks=networks) as opened:
        yield opened


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("10.20.3.4", 200),
        ("::ffff:10.20.3.4", 200),
        ("fd00:1::9", 200),
        ("10.21.0.1", 401),
        ("fd00:2::9", 401),
        ("127.0.0.1", 401),
        ("somewhere", 401),
    ],
)
async def test_the_network_of_the_peer_decides(desk: Desk, path: str, address: str, status: int) -> None:
    async with from_address(desk, address) as client:
        answer = await client.get(path)
        assert answer.status_code == status
        assert ("langgraph_tasks_active" in answer.text) == (status == 200)
        assert (await client.get("/api/v1/tasks")).status_code == 401  # nothing but the metrics


@pytest.mark.parametrize("header", FORWARDED)
async def test_a_header_lets_nobody_in_and_a_request_through_a_proxy_needs_a_credential(
    desk: Desk, header: str
) -> None:
    for address in ("10.20.3.4", "192.0.2.1"):
        async with from_address(desk, address) as client:
            assert (await client.get("/metrics", headers={header: "10.20.3.4"})).status_code == 401


async def test_a_credential_with_the_right_reads_them_from_anywhere(desk: Desk) -> None:
    async with from_address(desk, "192.0.2.1") as client:
        for role, status in ((Role.OPERATOR, 200), (Role.USER, 403)):
            made = await desk.services.identities.create_key(
                DEFAULT_SCOPE, name=role.word, role=role, scopes=[Permission.METRICS_READ]
            )
            headers = {"authorization": f"Bearer {made.secret}"}
            assert (await client.get("/metrics", headers=headers)).status_code == status


async def test_by_default_no_network_is_allowed(tmp_path: Path) -> None:
    async with open_desk(tmp_path / "data", enable_auth=True) as desk, from_address(desk, "127.0.0.1") as client:
        assert (await client.get("/metrics")).status_code == 401


@pytest.mark.parametrize(("value", "reason"), [("10.0.0.0/8", "not_json"), ('["10.0.0.1/8"]', "invalid_value")])
def test_a_list_that_is_none_is_refused_by_its_name(value: str, reason: str) -> None:
    with pytest.raises(SettingsUnsafe) as refused:
        Settings.load({"METRICS_ALLOWED_NETWORKS": value})
    assert refused.value.params["setting"] == "METRICS_ALLOWED_NETWORKS"
    assert refused.value.params["reason"] == reason
