from importlib.metadata import EntryPoint
from typing import Any

import pytest

from langgraph_multi_agent.domain.errors import InvalidRequest, SettingsUnsafe
from langgraph_multi_agent.tools.arithmetic import Calculate
from langgraph_multi_agent.tools.contract import Probed
from langgraph_multi_agent.tools.dates import DateDifference
from langgraph_multi_agent.tools.registry import GROUP, as_tool, load_tools

POINTS = [
    EntryPoint("calculate", "langgraph_multi_agent.tools.arithmetic:Calculate", GROUP),
    EntryPoint("date_difference", "langgraph_multi_agent.tools.dates:DateDifference", GROUP),
]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("0.1 + 0.2", "0.3"),
        ("(3.5 + 1) * 2", "9.0"),
        ("-2 ** 2", "-4"),
        ("10 % 4 / 8", "0.25"),
        ("1_000 * 1e-3", "1.000"),
    ],
)
async def test_arithmetic_is_exact(expression: str, value: str) -> None:
    assert await Calculate().call({"expression": expression}, key="k") == {"value": value}


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "1/0",
        "9**9**9",
        "10**1001",
        "__import__('os')",
        "a + 1",
        "1 +",
        "True",
        "[1]",
        "(" * 400,
        "1" * 600,
        None,
    ],
)
async def test_arithmetic_refuses_everything_else_quickly(expression: Any) -> None:
    with pytest.raises(InvalidRequest):
        await Calculate().call({"expression": expression}, key="k")


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("2026-11-20", "2026-11-24", {"days": 4, "weeks": 0, "weekdays": 2}),
        ("2026-11-24", "2026-11-20", {"days": -4, "weeks": 0, "weekdays": -2}),
        ("2024-02-28", "2024-03-13", {"days": 14, "weeks": 2, "weekdays": 10}),
        ("2026-01-01", "2026-01-01", {"days": 0, "weeks": 0, "weekdays": 0}),
    ],
)
async def test_dates_count_days_weeks_and_weekdays(start: str, end: str, expected: dict[str, int]) -> None:
    assert await DateDifference().call({"start": start, "end": end}, key="k") == expected


async def test_dates_refuse_what_is_no_date() -> None:
    with pytest.raises(InvalidRequest):
        await DateDifference().call({"start": "2026-02-30", "end": "2026-03-01"}, key="k")


def test_tools_are_found_by_entry_point_and_state_their_effect() -> None:
    tools = load_tools(POINTS)
    assert {name: tool.effect for name, tool in tools.items()} == {
        "calculate": "pure",
        "date_difference": "pure",
    }
    assert not any(isinstance(tool, Probed) for tool in tools.values())
    for tool in tools.values():
        assert set(tool.titles) == {"zh", "en"}
        assert tool.parameters["type"] == "object"


@pytest.mark.parametrize(
    ("points", "reason"),
    [
        ([EntryPoint("x", "pathlib:Path", GROUP)], "not_loadable"),
        ([EntryPoint("x", "nothing_here:tool", GROUP)], "not_loadable"),
        ([*POINTS, EntryPoint("twice", POINTS[0].value, GROUP)], "name_taken"),
    ],
)
def test_a_wrong_tool_refuses_to_start_and_names_itself(points: list[EntryPoint], reason: str) -> None:
    with pytest.raises(SettingsUnsafe) as caught:
        load_tools(points)
    assert caught.value.params["setting"].startswith(GROUP)
    assert caught.value.params["reason"] == reason


def test_an_unknown_effect_is_refused() -> None:
    class Wrong(Calculate):
        effect: Any = "harmless"

    with pytest.raises(TypeError):
        as_tool(Wrong())


async def test_a_langchain_tool_is_adapted_and_unsafe_unless_it_says_otherwise() -> None:
    from langchain_core.tools import tool

    @tool
    def shout(words: str) -> str:
        """Say it loudly."""
        return words.upper()

    adapted = as_tool(shout)
    assert adapted.effect == "unsafe"
    assert adapted.parameters["properties"]["words"]["type"] == "string"
    assert await adapted.call({"words": "hello"}, key="k") == "HELLO"
    shout.metadata = {"effect": "pure"}
    assert as_tool(shout).effect == "pure"
