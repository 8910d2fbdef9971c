"""Facts of the installation: the first value of a name is the value for good."""

import asyncio

from tests.support.stores import Desk

from langgraph_multi_agent.access import SYSTEM_SCOPE
from langgraph_multi_agent.store import installation


async def test_the_first_value_of_a_name_holds_for_everybody(desk: Desk) -> None:
    async def agree(name: str, value: str) -> str:
        return await desk.database.write(SYSTEM_SCOPE, installation.agree, name, value)

    assert await desk.database.read(SYSTEM_SCOPE, installation.read, "storage") is None
    offers = [f"offer-{number}" for number in range(8)]
    agreed = await asyncio.gather(*(agree("storage", offer) for offer in offers))
    assert len(set(agreed)) == 1
    assert agreed[0] in offers
    assert await agree("storage", "later") == agreed[0]
    assert await agree("other", "its own") == "its own"
    assert await desk.database.read(SYSTEM_SCOPE, installation.read, "storage") == agreed[0]
