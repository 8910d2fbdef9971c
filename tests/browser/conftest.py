"""One server and one browser for the tests of a module; each test is a person who has never been there."""

from collections.abc import AsyncIterator

import pytest
from tests.browser.site import Site, World, embedded_world


@pytest.fixture(scope="module")
async def world(anyio_backend: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with embedded_world(tmp_path_factory.mktemp("world")) as shared:
        yield shared


@pytest.fixture
async def site(world: World) -> AsyncIterator[Site]:
    """The shared world, for one person; the test fails if a page complained."""
    async with world.visit() as visited:
        yield visited
