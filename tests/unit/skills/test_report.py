"""The rendering: escaping, self-containment, determinism, and the traces of a narrative."""

import hashlib
import re
from base64 import b64encode
from html.parser import HTMLParser
from io import BytesIO
from typing import Any

import pytest
from markdown_it import MarkdownIt

from langgraph_multi_agent.domain.finding import Finding, Number, Passage
from langgraph_multi_agent.skills.report import (
    Contribution,
    Gap,
    Report,
    Source,
    compose,
    encode,
    file_discrepancies,
    narrative_faults,
    number_discrepancies,
    recomputed,
    render_files,
    render_html,
    render_markdown,
)
from langgraph_multi_agent.skills.report.chart import inlined

HOSTILE = "<script>alert(1)</script> [x](javascript:alert(2)) ![i](http://evil/x.png) `a` | # *b* <img src=x onerror=y>"
SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><text x="1">\xe6\x9c\x88</text></svg>'


def finding(place: int = 1, **options: Any) -> Finding:
    values: dict[str, Any] = {
        "id": f"t.csv/own/{place}",
        "kind": "own",
        "source": "t.csv",
        "subject": ("price",),
        "template": "The {what} is {mean} over {n} rows.",
        "sql": "SELECT avg(price) AS mean, count(*) AS n FROM data",
        "numbers": (Number(name="mean", value=12.5, style="f2"), Number(name="n", value=1461, style="int")),
        "names": {"what": "mean price"},
        "strength": 0.5,
        **options,
    }
    return Finding(**values)


def passage(**options: Any) -> Passage:
    values: dict[str, Any] = {
        "id": "p1",
        "source": "doc.md",
        "locator": "Limits",
        "start": 10,
        "end": 40,
        "quote": "A task may hold 64 subtasks.",
        "score": 2.0,
        **options,
    }
    return Passage(**values)


def report(**options: Any) -> Report:
    values: dict[str, Any] = {
        "request": "Analyse",
        "language": "en",
        "findings": [finding()],
        "passages": [passage()],
        "sources": [Source(name="t.csv", kind="table", digest="ab" * 32, size_bytes=2048)],
        **options,
    }
    return compose(**values)


class Tags(HTMLParser):
    """Collects elements and attributes, and knows whether all are closed."""

    VOID = frozenset({"meta", "img", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def tags(html: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = Tags()
    parser.feed(html)
    parser.close()
    assert parser.open == []
    return parser.found


def hostile_report(language: str) -> Report:
    return report(
        language=language,
        request=HOSTILE,
        findings=[
            finding(
                names={"what": HOSTILE}, subject=(HOSTILE,), source=HOSTILE, sql=f"SELECT '{HOSTILE}' ```"
            )
        ],
        passages=[
            passage(
                quote=HOSTILE + "\n\n# heading\n- item\n1. one\n    code", locator=HOSTILE, source=HOSTILE
            )
        ],
        sources=[Source(name=HOSTILE, kind="unknown", digest="0", size_bytes=1)],
        contributions=[Contribution(subtask="s", title=HOSTILE, agent=HOSTILE, reason=HOSTILE, note=HOSTILE)],
        gaps=[Gap(title=HOSTILE, reason=HOSTILE)],
        narrative=[HOSTILE + " [F1]"],
    )


@pytest.mark.parametrize("language", ["zh", "en"])
def test_html_stays_inert_and_well_formed_whatever_the_texts_say(language: str) -> None:
    found = tags(render_html(hostile_report(language), {}))
    assert {tag for tag, _ in found} <= {
        *("html", "head", "meta", "title", "style", "body", "main", "header", "section", "article", "p", "b"),
        *("h1", "h2", "h3", "ul", "ol", "li", "a", "span", "br", "details", "summary", "pre", "code"),
        *("table", "tr", "th", "td", "div", "blockquote", "figure", "img"),
    }
    for tag, attributes in found:
        assert not any(name.startswith("on") or name in {"style", "src"} for name in attributes), tag
        assert str(attributes.get("href", "#")).startswith("#")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_markdown_stays_text_whatever_the_texts_say(language: str) -> None:
    html = MarkdownIt("gfm-like", {"linkify": False, "html": False}).render(
        render_markdown(hostile_report(language))
    )
    assert "<script" not in html
    assert "<img" not in html
    assert not re.search(r'href="(?!#)', html)
    headings = re.findall(r"<h[12]>(.*?)</h[12]>", html)
    assert not any(title == "heading" for title in headings)


def test_escaped_markdown_shows_exactly_the_text() -> None:
    text = "temp_max *b* -3.5 1. x <y> & `z` [l](u) 100% 2023-01-05 ~~s~~ a|b $x$"
    rendered = MarkdownIt().renderInline(
        render_markdown(report(request=text)).splitlines()[0].removeprefix("# ")
    )
    shown = rendered.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").replace("&quot;", '"')
    assert shown == text


def test_the_page_loads_nothing_and_its_policy_names_its_only_style() -> None:
    html = render_html(report(findings=[finding(chart="c.svg")]), {"c.svg": SVG})
    style = re.search(r"<style>(.*?)</style>", html, re.DOTALL)
    assert style is not None
    digest = b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:" in html
    assert "url(" not in style[1]
    assert "@import" not in style[1]
    assert "prefers-color-scheme:dark" in style[1]
    assert "@media print" in style[1]
    assert "Noto Sans CJK" in style[1]
    for tag, attributes in tags(html):
        assert tag not in {"script", "link", "iframe"}
        assert (
            str(attributes.get("src", "data:")).startswith("data:image/svg+xml;base64,")
            or "src" not in attributes
        )


@pytest.mark.parametrize(
    "content",
    [
        b"<svg><script>alert(1)</script></svg>",
        b'<svg onload="alert(1)"></svg>',
        b'<svg><image href="http://example.org/x.png"/></svg>',
        b"<svg><style>@import url(http://example.org)</style></svg>",
        b'<!DOCTYPE svg [<!ENTITY x "y">]><svg></svg>',
        b"<svg><foreignObject/></svg>",
        b"<html></html>",
        b"GIF89a",
        b"<svg>" + b"x" * (3 * 1024 * 1024) + b"</svg>",
    ],
)
def test_a_chart_with_active_content_or_of_another_kind_is_named_but_not_shown(content: bytes) -> None:
    assert inlined(content) is None
    html = render_html(report(findings=[finding(chart="c.svg")]), {"c.svg": content})
    assert "<img" not in html
    assert "c.svg" in html


def test_a_chart_of_matplotlib_with_any_labels_is_inlined() -> None:
    from matplotlib.figure import Figure

    figure = Figure()
    axes = figure.add_subplot()
    axes.scatter([1, 2], [3, 4])
    axes.set_title("price onload=1 <script> javascript:x")
    axes.imshow([[1, 2], [3, 4]])
    buffer = BytesIO()
    figure.savefig(buffer, format="svg")
    assert str(inlined(buffer.getvalue())).startswith("data:image/svg+xml;base64,")


def test_harmless_charts_are_inlined() -> None:
    assert str(inlined(SVG)).startswith("data:image/svg+xml;base64,")
    assert str(inlined(b"\x89PNG\r\n\x1a\nrest")).startswith("data:image/png;base64,")


def test_findings_rank_by_strength_and_order_of_arrival_does_not_matter() -> None:
    findings = [finding(place, strength=place / 10) for place in range(1, 8)]
    forward = report(findings=findings)
    assert forward == report(findings=[*reversed(findings), findings[0]])
    assert [item.finding.strength for item in forward.statements] == [0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1]
    assert [ref for ref, _ in forward.summary] == ["F1", "F2", "F3", "F4", "F5", "P1"]


def test_the_summary_lets_each_kind_speak_before_any_speaks_twice() -> None:
    kinds = ["a", "a", "a", "b", "c"]
    findings = [finding(n, kind=kind, strength=1 - n / 10) for n, kind in enumerate(kinds, 1)]
    assert [ref for ref, _ in report(findings=findings, passages=[]).summary] == [
        "F1",
        "F4",
        "F5",
        "F2",
        "F3",
    ]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_form_holds_statement_sql_quotation_place_and_digest(language: str) -> None:
    files = render_files(report(language=language, gaps=[Gap(title="Weather", reason="no result")]), {})
    for name, content in files.items():
        shown = re.sub(r"</?span[^>]*>", "", content.decode())
        for part in (
            "The mean price is 12.50 over 1,461 rows.",
            "SELECT avg(price)",
            "A task may hold 64",
            "Limits",
        ):
            assert part in shown, (name, part)
        assert "ab" * 32 in shown
        assert "Weather" in shown


def test_a_report_without_anything_says_so() -> None:
    empty = report(findings=[], passages=[])
    assert "Nothing that could be verified" in render_markdown(empty)
    assert "Nothing that could be verified" in render_html(empty, {})


def test_rendering_is_a_function_of_the_report() -> None:
    assert render_files(report(), {}) == render_files(report(), {})
    assert encode(report()) != encode(report(findings=[finding(strength=0.4)]))


ROW = {"mean": 12.5, "n": 1461, "what": "mean price", "effect": 0.5}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"mean": 12.5 * (1 + 1e-6)}, "number_differs"),
        ({"mean": None}, "number_differs"),
        ({"mean": "12,5"}, "number_differs"),
        ({"n": 1462}, "number_differs"),
        ({"what": "median price"}, "name_differs"),
        ({"effect": 0.6}, "strength_untraced"),
    ],
)
def test_a_number_or_name_that_differs_from_its_row_is_found(changes: dict[str, Any], code: str) -> None:
    assert number_discrepancies(finding(), ROW) == []
    assert [item.code for item in number_discrepancies(finding(), {**ROW, **changes})] == [code]


def test_the_tolerance_is_for_summation_order_only() -> None:
    assert number_discrepancies(finding(), {**ROW, "mean": 12.5 * (1 + 1e-12)}) == []
    tiny = finding(numbers=(Number(name="mean", value=3e-20, style="g3"),), strength=0)
    assert number_discrepancies(tiny, {"mean": 2e-20})[0].code == "number_differs"
    assert (
        number_discrepancies(finding(numbers=(Number(name="mean", value=0.0),)), {**ROW, "mean": -0.0}) == []
    )


def test_sql_that_fails_or_lacks_the_column_is_found() -> None:
    assert [item.code for item in number_discrepancies(finding(), None, "syntax")] == ["sql_failed"]
    assert "column_missing" in {
        item.code for item in number_discrepancies(finding(), {"n": 1461, "effect": 0.5})
    }


def test_a_name_with_digits_that_is_nowhere_in_the_data_is_found() -> None:
    row = {key: value for key, value in ROW.items() if key != "what"}
    assert number_discrepancies(finding(names={"what": "price"}), row) == []
    found = number_discrepancies(finding(names={"what": "2019"}), row)
    assert [item.code for item in found] == ["name_untraced"]


def test_recomputed_findings_show_the_right_numbers_and_keep_those_that_were_right() -> None:
    wrong = finding(numbers=(Number(name="mean", value=99.0, style="f2"), Number(name="n", value=1461)))
    right = recomputed(wrong, {**ROW, "n": 1461 * (1 + 1e-12)})
    assert [number.value for number in right.numbers] == [12.5, 1461]


def test_a_missing_or_changed_file_is_named_with_its_line() -> None:
    files = render_files(report(), {})
    changed = files["report.md"].replace(b"12.50", b"12.51", 1)
    found = file_discrepancies(files, {**files, "report.md": changed})
    assert [item.code for item in found] == ["file_differs"]
    line = changed.decode().splitlines()[int(found[0].place.rpartition(":")[2]) - 1]
    assert "12.51" in line
    assert "12.51" in found[0].stated
    assert "12.50" in found[0].found
    assert file_discrepancies(files, {})[0].code == "file_missing"
    assert file_discrepancies(files, files) == []


@pytest.mark.parametrize(
    "paragraph",
    [
        "The mean is 12.50 [F1].",
        "均值为12.50，共1461行[F1]。",
        "Up to 64 subtasks are possible [P1], with 1,461 rows [F1].",
        "全角数字１２．５０也可以[F1]。",
    ],
)
def test_a_narrative_whose_numbers_are_those_it_refers_to_passes(paragraph: str) -> None:
    assert narrative_faults(report(), [paragraph]) == []


@pytest.mark.parametrize(
    ("paragraph", "code"),
    [
        ("The mean is 12.50.", "reference_missing"),
        ("The mean is 12.50 [F2].", "reference_unknown"),
        ("The mean is 12.51 [F1].", "number_untraced"),
        ("The mean is 12.5% [F1].", "number_untraced"),
        ("There are 64 subtasks [F1].", "number_untraced"),
        ("It rose by 3 points [F1].", "number_untraced"),
        ("It doubled [F1].", "number_in_words"),
        ("增长了三成[F1]。", "number_in_words"),
        ("约占百分之四十[F1]。", "number_in_words"),
        ("Over a thousand rows [F1].", "number_in_words"),
    ],
)
def test_a_narrative_that_says_more_than_its_sources_fails(paragraph: str, code: str) -> None:
    assert code in {item.code for item in narrative_faults(report(), [paragraph])}
