"""Start-up with a real database that remembers which storage is the installation's."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support.stores import BACKENDS, ManualClock, counting_ids

from langgraph_multi_agent.access import SYSTEM_SCOPE
from langgraph_multi_agent.artifacts.opening import open_artifacts
from langgraph_multi_agent.domain.errors import SettingsUnsafe
from langgraph_multi_agent.store import installation
from langgraph_multi_agent.store.database import Database


@pytest.fixture(params=sorted(BACKENDS))
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    async with BACKENDS[request.param](tmp_path, ManualClock(), counting_ids()) as opened:
        yield opened


async def test_a_replica_with_another_directory_does_not_start(database: Database, tmp_path: Path) -> None:
    async def agree(proposed: str) -> str:
        return await database.write(SYSTEM_SCOPE, installation.agree, installation.ARTIFACT_STORAGE, proposed)

    shared, forgotten = tmp_path / "shared", tmp_path / "not mounted"
    for _ in range(2):
        await open_artifacts(str(shared), cache_dir=tmp_path).check_marker(agree)
    with pytest.raises(SettingsUnsafe, match="artifacts_not_shared"):
        await open_artifacts(str(forgotten), cache_dir=tmp_path).check_marker(agree)
    await open_artifacts(str(shared), cache_dir=tmp_path).check_marker(agree)
