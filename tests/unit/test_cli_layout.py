"""Text on a character grid, tables, and what programs read."""

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from langgraph_multi_agent.cli import layout, paper

MIXED = st.text(alphabet="ab c，。中文字 \n", max_size=80)


@pytest.mark.parametrize(("words", "cells"), [("abc", 3), ("任务", 4), ("任务 a", 6), ("e\u0301", 1), ("", 0)])
def test_chinese_characters_take_two_cells_and_combining_ones_none(words: str, cells: int) -> None:
    assert layout.width(words) == cells


@given(MIXED, st.integers(min_value=4, max_value=30))
def test_wrapped_lines_fit_and_lose_no_character(words: str, cells: int) -> None:
    lines = layout.wrapped(words, cells)
    assert "".join("".join(lines).split()) == "".join(words.split())
    for line in lines:
        # Closing punctuation hangs at the end of a line; a word longer than the line stays whole.
        words_alone = line.rstrip("，。 ")
        assert layout.width(words_alone) <= cells or len(words_alone.split()) == 1


def test_cut_text_is_one_line_within_its_cells_and_shows_that_something_is_missing() -> None:
    assert layout.cut("一二三四五", 7) == "一二三…"
    assert layout.cut("a\nb", 7) == "a b"
    assert layout.cut("fits", 4) == "fits"


def test_control_characters_of_a_title_never_reach_the_terminal() -> None:
    assert "\x1b" not in layout.printable("\x1b[2Jred\u202e")
    table = paper.as_text([paper.Rows(["A"], [["\x1b[31mred\nline"]])], columns=0)
    assert "\x1b" not in table
    assert len(table.splitlines()) == 2


def test_the_widest_column_gives_way_and_the_last_may_wrap() -> None:
    rows = [["a" * 40, "b" * 10, "c"]]
    assert all(layout.width(line) <= 40 for line in layout.aligned(["X", "Y", "Z"], rows, columns=40))

    words = "long finding " * 8
    lines = layout.aligned(["CODE", "FINDING"], [["SQLITE_OK", words]], columns=40, wraps=True)
    assert "".join(line[11:] for line in lines[1:]).replace(" ", "") == words.replace(" ", "")
    assert all(len(line) <= 40 for line in lines)


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0.44, "0.4 s"), (12.3, "12 s"), (65, "1:05"), (7389, "2:03:09"), (59.9, "59 s")]
)
def test_durations_are_short(seconds: float, shown: str) -> None:
    assert layout.duration(seconds) == shown


@pytest.mark.parametrize(("count", "shown"), [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (250_000_000, "250 MB")])
def test_sizes_are_short(count: int, shown: str) -> None:
    assert layout.size(count) == shown


BLOCKS = [
    paper.Heading("任务"),
    paper.Facts([("status", "ok"), ("empty", "")]),
    paper.Rows(["A", "B"], [["1", "x|y"]]),
    paper.Lines(["report: /a/b.html"]),
]


def test_markdown_has_headings_lists_and_tables_that_pipes_do_not_break() -> None:
    text = paper.as_markdown(BLOCKS)
    assert "## 任务\n" in text
    assert "- **status**: ok" in text
    assert "empty" not in text
    assert "| A | B |\n| --- | --- |\n| 1 | x\\|y |" in text


def test_json_and_yaml_say_the_same_and_keep_chinese_readable() -> None:
    value = {"schema": "lgma/v1", "data": {"title": "季度报告", "list": [1, None]}}
    assert json.loads(paper.as_json(value)) == value
    assert yaml.safe_load(paper.as_yaml(value)) == value
    assert "季度报告" in paper.as_json(value)
    assert "季度报告" in paper.as_yaml(value)
