"""Every test of this directory runs once for each backend of the store."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support.stores import BACKENDS, Desk, ManualClock, counting_ids


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(params=sorted(BACKENDS))
async def desk(request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock) -> AsyncIterator[Desk]:
    new_id = counting_ids()
    async with BACKENDS[request.param](tmp_path, clock, new_id) as database:
        yield Desk(database, clock, new_id)
