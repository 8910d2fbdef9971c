"""A request keeps the columns it speaks of, and rather too many than too few."""

import pytest

from langgraph_multi_agent.agents.columns import is_named, named
from langgraph_multi_agent.agents.request import FORECAST, intents_of

WEATHER = ("precipitation", "temp_max", "temp_min", "wind")
SALES = ("销售额(元)", "销量", "折扣率")


@pytest.mark.parametrize(
    ("request_text", "columns", "kept"),
    [
        (
            "trend and seasonality of temperature and precipitation",
            WEATHER,
            ["precipitation", "temp_max", "temp_min"],
        ),
        ("Trend of precipitation and anomalies", WEATHER, ["precipitation"]),
        ("How did temperature and rain change over the years?", WEATHER, []),
        ("Trend of precipitation and profit", WEATHER, []),
        ("Trend of profit and precipitation", WEATHER, []),
        ("分析销售额的趋势、季节性和地区差异，找出异常", SALES, ["销售额(元)"]),
        ("销售额和成本的趋势", SALES, []),
        ("请分析利润和销售额", SALES, []),
        ("分析销量和销售额", SALES, ["销售额(元)", "销量"]),
        ("销售额和销量的关系", SALES, ["销售额(元)", "销量"]),
        ("temperature and humidity: trend", ("temp_c", "humidity", "co2"), ["temp_c", "humidity"]),
        ("Is spend related to age?", ("spend", "user.age", "visits"), ["spend", "user.age"]),
        ("trend of max and min temp, wind", WEATHER, ["temp_max", "temp_min", "wind"]),
    ],
)
def test_columns_kept(request_text: str, columns: tuple[str, ...], kept: list[str]) -> None:
    assert named(columns, request_text) == kept


@pytest.mark.parametrize(
    ("column", "request_text", "expected"),
    [
        ("body_mass_g", "the body mass g of all", True),
        ("body_mass_g", "the body of all", False),
        ("收入（万元）", "各部门收入对比", True),
        ("wind", "winding roads", False),
        ("a", "a trend", False),
    ],
)
def test_a_column_is_named_as_a_whole(column: str, request_text: str, expected: bool) -> None:
    assert is_named(column, request_text) is expected


@pytest.mark.parametrize(
    ("request_text", "intents"),
    [
        ("trend, anomalies, correlation", ("trend", "anomaly", "correlate")),
        ("economy growth", ("trend",)),
        ("no trends please", ()),
        ("Do not look for a trend", ()),
        ("ignore anomalies, trend only", ("trend",)),
        ("不要趋势", ()),
        ("the hour-of-day pattern", ("seasonality",)),
        ("Predict next year's sales", (FORECAST,)),
        ("预测明年的销量", (FORECAST,)),
    ],
)
def test_what_is_asked_for(request_text: str, intents: tuple[str, ...]) -> None:
    assert tuple(intent for intent in intents_of(request_text) if intent != "answer") == intents
