"""Users, keys and sessions in the database, on every backend."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import update
from tests.support.stores import Desk, ManualClock, tenant

from langgraph_multi_agent.access import DEFAULT_SCOPE, SYSTEM_SCOPE, Scope
from langgraph_multi_agent.access.policy import Permission, Role
from langgraph_multi_agent.domain.errors import KeyNotFound, LastAdmin, NameTaken, UserNotFound
from langgraph_multi_agent.store import identities, schema, sessions
from langgraph_multi_agent.store.database import Store, unit
from langgraph_multi_agent.store.identities import Key, User
from langgraph_multi_agent.store.sessions import StoredSessions

pytestmark = pytest.mark.anyio


async def add(desk: Desk, name: str, role: Role = Role.USER, scope: Scope = DEFAULT_SCOPE) -> User:
    return await desk.database.write(
        scope, identities.add_user, desk.new_id(), name=name, role=role, password_hash=f"hash of {name}"
    )


async def user(desk: Desk, name: str) -> User:
    found = await desk.database.read(SYSTEM_SCOPE, identities.user_of_name, name)
    assert found is not None
    return found


async def new_key(desk: Desk, key_id: str, scope: Scope = DEFAULT_SCOPE, *, lasts_s: float | None = None) -> Key:
    return await desk.database.write(
        scope,
        identities.add_key,
        key_id,
        name=f"name of {key_id}",
        role=Role.USER,
        scopes=[Permission.TASKS_WRITE, Permission.TASKS_READ],
        digest="d" * 64,
        expires_at=None if lasts_s is None else desk.clock.now() + timedelta(seconds=lasts_s),
    )


async def test_users_are_listed_by_name_within_their_tenant(desk: Desk) -> None:
    assert not await desk.database.read(SYSTEM_SCOPE, identities.has_users)
    mine = [await add(desk, name) for name in ("zoe", "amy")]
    other = await add(desk, "mia", scope=tenant("other"))
    assert await desk.database.read(SYSTEM_SCOPE, identities.has_users)
    assert await desk.database.read(DEFAULT_SCOPE, identities.users) == mine[::-1]
    assert await desk.database.read(DEFAULT_SCOPE, identities.user, mine[0].id) == mine[0]
    assert await desk.database.read(DEFAULT_SCOPE, identities.user, other.id) is None


async def test_of_all_who_take_a_name_at_once_in_any_tenant_one_has_it(desk: Desk) -> None:
    scopes = [DEFAULT_SCOPE, tenant("other")] * 3
    answers = await asyncio.gather(*(add(desk, "amy", scope=scope) for scope in scopes), return_exceptions=True)
    assert sorted(type(answer).__name__ for answer in answers) == ["NameTaken"] * 5 + ["User"]
    with pytest.raises(NameTaken):
        await add(desk, "amy")


async def test_each_change_of_rights_or_password_begins_another_generation(desk: Desk) -> None:
    await add(desk, "root", Role.ADMIN)
    before = await add(desk, "amy")
    assert (before.generation, before.is_enabled) == (1, True)
    await desk.database.write(DEFAULT_SCOPE, identities.change_user, "amy", role=Role.OPERATOR)
    await desk.database.write(DEFAULT_SCOPE, identities.change_user, "amy", password_hash="another")
    off = await desk.database.write(DEFAULT_SCOPE, identities.change_user, "amy", is_enabled=False)
    assert (off.role, off.password_hash, off.is_enabled, off.generation) == (Role.OPERATOR, "another", False, 4)
    on = await desk.database.write(DEFAULT_SCOPE, identities.change_user, "amy", is_enabled=True)
    assert (on.is_enabled, on.generation) == (True, 5)
    assert await user(desk, "amy") == on


async def test_a_hash_is_replaced_only_where_it_is_still_the_old_one_and_no_session_ends(desk: Desk) -> None:
    amy = await add(desk, "amy")
    await desk.database.write(SYSTEM_SCOPE, identities.replace_hash, amy.id, old="of before", new="late")
    assert await user(desk, "amy") == amy
    await desk.database.write(SYSTEM_SCOPE, identities.replace_hash, amy.id, old=amy.password_hash, new="better")
    found = await user(desk, "amy")
    assert (found.password_hash, found.generation) == ("better", 1)


async def test_ones_own_new_password_counts_while_the_old_one_is_still_that(desk: Desk) -> None:
    amy = await add(desk, "amy")
    for old in ("of before", ""):
        late = desk.database.write(SYSTEM_SCOPE, identities.renew_password, amy.id, old=old, new="late")
        assert await late is None
    new = await desk.database.write(
        SYSTEM_SCOPE, identities.renew_password, amy.id, old=amy.password_hash, new="better"
    )
    assert new is not None
    assert (new.password_hash, new.generation) == ("better", 2)
    assert await user(desk, "amy") == new
    await desk.database.write(DEFAULT_SCOPE, identities.change_user, "amy", is_enabled=False)
    off = desk.database.write(SYSTEM_SCOPE, identities.renew_password, amy.id, old="better", new="x")
    assert await off is None
    await desk.database.write(SYSTEM_SCOPE, identities.end_sessions, amy.id)
    assert (await user(desk, "amy")).generation == 4


async def test_nobody_changes_users_of_another_tenant(desk: Desk) -> None:
    amy = await add(desk, "amy")
    for name in ("amy", "nobody"):
        with pytest.raises(UserNotFound):
            await desk.database.write(tenant("other"), identities.change_user, name, role=Role.ADMIN)
    assert await user(desk, "amy") == amy


@pytest.mark.parametrize("change", [{"role": Role.OPERATOR}, {"is_enabled": False}])
async def test_of_two_admins_who_leave_at_once_one_stays(desk: Desk, change: dict[str, Role | bool]) -> None:
    for name in ("amy", "bob"):
        await add(desk, name, Role.ADMIN)
    await add(desk, "mia", Role.ADMIN, tenant("other"))
    answers = await asyncio.gather(
        *(
            desk.database.write(DEFAULT_SCOPE, identities.change_user, name, **change)  # type: ignore[arg-type]
            for name in ("amy", "bob")
        ),
        return_exceptions=True,
    )
    assert [type(answer) for answer in answers if isinstance(answer, Exception)] == [LastAdmin]
    left = await desk.database.read(DEFAULT_SCOPE, identities.users)
    assert [one.role is Role.ADMIN and one.is_enabled for one in left].count(True) == 1


async def test_keys_are_listed_newest_first_within_their_tenant(desk: Desk) -> None:
    first, second = await new_key(desk, "k1"), await new_key(desk, "k2")
    await new_key(desk, "k3", tenant("other"))
    assert first.scopes == frozenset({Permission.TASKS_READ, Permission.TASKS_WRITE})
    assert first.created_by == DEFAULT_SCOPE.actor
    assert await desk.database.read(DEFAULT_SCOPE, identities.keys) == [second, first]
    assert await desk.database.read(SYSTEM_SCOPE, identities.key, "k1") == first
    assert await desk.database.read(SYSTEM_SCOPE, identities.key, "k9") is None


async def test_a_key_is_valid_until_its_time_is_up(desk: Desk, clock: ManualClock) -> None:
    endless, short = await new_key(desk, "k1"), await new_key(desk, "k2", lasts_s=60)
    assert short.expires_at is not None
    assert short.is_valid(short.expires_at - timedelta(microseconds=1))
    assert not short.is_valid(short.expires_at)
    clock.advance(10 * 365 * 86_400)
    assert endless.is_valid(clock.now())


async def test_a_revoked_key_stays_revoked_since_the_first_time(desk: Desk, clock: ManualClock) -> None:
    await new_key(desk, "k1")
    for stranger, key_id in ((tenant("other"), "k1"), (DEFAULT_SCOPE, "k9")):
        with pytest.raises(KeyNotFound):
            await desk.database.write(stranger, identities.revoke_key, key_id)
    assert [key.is_valid(clock.now()) for key in await desk.database.read(DEFAULT_SCOPE, identities.keys)] == [True]
    revoked = await desk.database.write(DEFAULT_SCOPE, identities.revoke_key, "k1")
    assert not revoked.is_valid(clock.now())
    clock.advance(5)
    assert await desk.database.write(DEFAULT_SCOPE, identities.revoke_key, "k1") == revoked


async def test_a_session_lasts_its_time_from_its_last_use(desk: Desk, clock: ManualClock) -> None:
    kept = StoredSessions(desk.database)
    assert await kept.create("t1", b"amy", ttl_s=60)
    clock.advance(50)
    assert await kept.touch("t1", ttl_s=60)
    clock.advance(50)
    assert await kept.get("t1") == b"amy"
    clock.advance(20)
    assert await kept.get("t1") is None
    assert not await kept.touch("t1", ttl_s=60)


async def test_a_token_that_is_taken_stays_whose_it_is_and_ends_once_for_all(desk: Desk) -> None:
    kept = StoredSessions(desk.database)
    assert await kept.create("t1", b"amy", ttl_s=60)
    assert not await kept.create("t1", b"bob", ttl_s=60)
    assert await kept.get("t1") == b"amy"
    assert [await kept.delete("t1"), await kept.delete("t1")] == [True, True]
    assert await kept.get("t1") is None


async def test_a_new_session_clears_away_those_whose_time_is_up(desk: Desk, clock: ManualClock) -> None:
    await desk.database.write(SYSTEM_SCOPE, sessions.add, "old", b"amy", ttl_s=60)
    await desk.database.write(SYSTEM_SCOPE, sessions.add, "young", b"bob", ttl_s=120)
    assert await desk.database.write(SYSTEM_SCOPE, sessions.prolong, "young", ttl_s=120)
    clock.advance(61)
    await desk.database.write(SYSTEM_SCOPE, sessions.add, "new", b"mia", ttl_s=60)
    rows = await desk.rows("SELECT token_hash FROM sessions ORDER BY token_hash")
    assert [row["token_hash"] for row in rows] == ["new", "young"]
    await desk.database.write(SYSTEM_SCOPE, sessions.end, "young")
    assert await desk.database.read(SYSTEM_SCOPE, sessions.find, "young") is None


async def test_a_name_is_one_in_any_case_and_width(desk: Desk) -> None:
    amy = await add(desk, "Amy")
    for same in ("Amy", "AMY", "ａｍｙ"):
        assert (await user(desk, same)) == amy
        with pytest.raises(NameTaken) as caught:
            await add(desk, same, scope=tenant("other"))
        assert caught.value.params["name"] == "Amy"
    names = ("bob", "Bob", "BOB", "ｂob")
    answers = await asyncio.gather(*(add(desk, name) for name in names), return_exceptions=True)
    assert sorted(type(answer).__name__ for answer in answers) == ["NameTaken"] * 3 + ["User"]
    changed = await desk.database.write(DEFAULT_SCOPE, identities.change_user, "AMY", role=Role.OPERATOR)
    assert (changed.id, changed.name) == (amy.id, "Amy")


async def test_names_that_were_alike_before_are_each_their_own(desk: Desk) -> None:
    await add(desk, "root", Role.ADMIN)
    older, newer = await add(desk, "Li"), await add(desk, "wu")
    await desk.database.write(SYSTEM_SCOPE, without_key, newer.id, "LI")
    assert (await user(desk, "Li")).id == older.id
    assert (await user(desk, "LI")).id == newer.id
    assert (await user(desk, "li")).id == older.id  # who has the key
    for name in ("li", "LI", "Li"):
        with pytest.raises(NameTaken):
            await add(desk, name)
    await desk.database.write(DEFAULT_SCOPE, identities.change_user, "LI", is_enabled=False)
    assert [(one.name, one.is_enabled) for one in await desk.database.read(DEFAULT_SCOPE, identities.users)] == [
        ("LI", False),
        ("Li", True),
        ("root", True),
    ]


async def test_who_was_added_by_an_earlier_program_is_found_in_any_case(desk: Desk) -> None:
    amy = await add(desk, "wu")
    await desk.database.write(SYSTEM_SCOPE, without_key, amy.id, "Amy")
    assert (await user(desk, "amy")).id == amy.id
    with pytest.raises(NameTaken):
        await add(desk, "AMY")


@unit
def without_key(store: Store, user_id: str, name: str) -> None:
    table = schema.users
    store.connection.execute(update(table).where(table.c.id == user_id).values(name=name, name_key=None))
