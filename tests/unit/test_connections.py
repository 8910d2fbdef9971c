"""Connections of a replica are divided over its processes and never exceed what the server gives."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langgraph_multi_agent.domain.errors import SettingsUnsafe
from langgraph_multi_agent.i18n import text
from langgraph_multi_agent.store.connections import LEAST, connection_budget, processes_of

SIZES = st.integers(min_value=0, max_value=500)


def test_the_manuals_own_values_start_without_a_warning() -> None:
    budget = connection_budget(
        pool_size=20, max_overflow=30, processes=processes_of(4), max_connections=100, reserved=3
    )
    assert (budget.per_process, budget.warning) == (6, None)


def test_every_worker_may_have_its_own_process_for_suspects_at_the_same_time() -> None:
    assert [processes_of(workers) for workers in (1, 4)] == [2, 8]


def test_a_pool_beyond_the_server_is_clamped_and_says_so_in_both_languages() -> None:
    budget = connection_budget(pool_size=20, max_overflow=30, processes=4, max_connections=30, reserved=3)
    assert budget.per_process == 6
    assert budget.warning is not None
    for language in ("zh", "en"):
        words = text(f"settings.warning.{budget.warning.code}", language, **budget.warning.params)
        assert [number for number in ("50", "27", "30", "6") if number not in words] == []


def test_fewer_than_four_a_process_refuse_and_name_the_setting() -> None:
    with pytest.raises(SettingsUnsafe) as caught:
        connection_budget(pool_size=10, max_overflow=5, processes=4, max_connections=100, reserved=3)
    params = caught.value.params
    assert (params["setting"], params["reason"], params["value"]) == ("DATABASE_POOL_SIZE", "too_few_connections", 3)
    for language in ("zh", "en"):
        assert "DATABASE_POOL_SIZE" in text("settings.reason.too_few_connections", language, **params)


@given(
    pool_size=SIZES.filter(bool),
    max_overflow=SIZES,
    processes=st.integers(min_value=1, max_value=64),
    max_connections=SIZES,
    reserved=st.integers(min_value=0, max_value=50),
)
def test_whatever_the_settings_all_processes_fit_and_each_has_enough_or_none_starts(
    pool_size: int, max_overflow: int, processes: int, max_connections: int, reserved: int
) -> None:
    limit = min(pool_size + max_overflow, max_connections - reserved)
    try:
        budget = connection_budget(
            pool_size=pool_size,
            max_overflow=max_overflow,
            processes=processes,
            max_connections=max_connections,
            reserved=reserved,
        )
    except SettingsUnsafe:
        assert limit < LEAST * processes
        return
    assert budget.per_process >= LEAST
    assert budget.per_process * processes <= limit < (budget.per_process + 1) * processes
    assert (budget.warning is None) == (pool_size + max_overflow <= max_connections - reserved)


@given(processes=st.integers(min_value=1, max_value=12), more=st.integers(min_value=0, max_value=100))
def test_a_larger_server_never_gives_less(processes: int, more: int) -> None:
    def share(max_connections: int) -> int:
        return connection_budget(
            pool_size=20, max_overflow=30, processes=processes, max_connections=max_connections, reserved=3
        ).per_process

    assert share(60) <= share(60 + more)
