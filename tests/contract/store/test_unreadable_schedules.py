"""A schedule that cannot be read stands alone: the others fire."""

from datetime import timedelta

import orjson
import pytest
from tests.contract.store.test_schedules import add, fire, get, make_due
from tests.support.stores import Desk, draft, tenant

from langgraph_multi_agent.access import SYSTEM_SCOPE
from langgraph_multi_agent.domain.schedule import draft_json, draft_of
from langgraph_multi_agent.domain.task import Budget
from langgraph_multi_agent.store import schedules

pytestmark = pytest.mark.anyio


def test_keys_that_a_newer_version_wrote_are_left_out() -> None:
    wanted = draft(title="周报", budget=Budget(tokens=5))
    stored = draft_json(wanted)
    newer = {**stored, "colour": "red", "budget": {**stored["budget"], "energy": 1}}
    assert draft_of(newer) == wanted


@pytest.mark.parametrize(
    ("stored", "code"),
    [
        ({"title": "x"}, "SCHEDULE_UNREADABLE"),
        ([], "SCHEDULE_UNREADABLE"),
        (None, "SCHEDULE_UNREADABLE"),
        ({**draft_json(draft()), "priority": 9}, "SCHEDULE_UNREADABLE"),
        ({**draft_json(draft()), "team": "t" * 65}, "DATA_REFUSED"),
    ],
    ids=["keys missing", "a list", "null", "unknown priority", "a team that no column holds"],
)
async def test_the_others_fire_beside_one_that_cannot_be_read(desk: Desk, stored: object, code: str) -> None:
    broken = await add(desk, "broken", scope=tenant("north"))
    sound = await add(desk, "sound", scope=tenant("south"))
    text = orjson.dumps(stored).decode()
    await desk.sql("UPDATE schedules SET draft = :draft WHERE id = :id", draft=text, id=broken.id)
    due = await make_due(desk, sound.id)
    fired = {item.schedule_id: item for item in await fire(desk)}
    assert fired[sound.id].task is not None
    assert fired[broken.id].task is None
    error = fired[broken.id].error
    assert error is not None
    assert error["code"] == code
    assert error["params"]["fire_at"] == due.isoformat()
    [row] = await desk.rows("SELECT last_error FROM schedules WHERE id = :id", id=broken.id)
    assert orjson.loads(row["last_error"]) == error
    assert not await desk.database.read(SYSTEM_SCOPE, schedules.has_due)
    await make_due(desk, sound.id)
    assert {item.schedule_id for item in await fire(desk)} == {broken.id, sound.id}


async def test_a_cron_line_that_cannot_be_read_is_looked_at_again_later(desk: Desk) -> None:
    broken, sound = await add(desk, "broken"), await add(desk, "sound")
    await desk.sql("UPDATE schedules SET cron = 'never on Sunday' WHERE id = :id", id=broken.id)
    due = await make_due(desk, sound.id)
    fired = {item.schedule_id: item for item in await fire(desk)}
    assert fired[sound.id].task is not None
    after = await get(desk, broken.id)
    assert after.last_error is not None
    assert after.last_error["code"] == "SCHEDULE_UNREADABLE"
    assert after.next_fire_at is not None
    assert after.next_fire_at >= due + timedelta(hours=1)
