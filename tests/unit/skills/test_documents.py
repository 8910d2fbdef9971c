"""Documents: what is extracted, what is refused, and that quotations resolve."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.documents import docx_bytes, encrypted_pdf_bytes, pdf_bytes, stored, with_member

from langgraph_multi_agent import handbook
from langgraph_multi_agent.domain.errors import InputUnreadable, InputUnsafe, LimitExceeded
from langgraph_multi_agent.skills.documents import archive, extraction, inspect, pdf, resolve, search
from langgraph_multi_agent.skills.documents.document import Document
from langgraph_multi_agent.skills.documents.markup import extract_markdown
from langgraph_multi_agent.skills.documents.passages import chunks_of
from langgraph_multi_agent.skills.documents.terms import normal, stem, terms_of


def extracted(directory: Path, name: str, content: bytes | str) -> Document:
    file = stored(directory, name, content)
    return extraction.extract(Path(file["path"]), name)


def texts(document: Document) -> list[str]:
    return [document.text[block.start : block.end] for block in document.blocks]


def refusal(directory: Path, name: str, content: bytes | str) -> Mapping[str, Any]:
    with pytest.raises((InputUnreadable, InputUnsafe)) as caught:
        extracted(directory, name, content)
    assert caught.value.params["file"] == name
    return {"code": caught.value.code, **caught.value.params}


def test_markdown_keeps_heading_paths_and_drops_markup(tmp_path: Path) -> None:
    source = (
        "# Guide\n\nHello **bold** `code`\nworld.\n\n## Part [one](x)\n\n- item *a*\n\n"
        "| k | v |\n|---|---|\n| x | 1 |\n"
    )
    document = extracted(tmp_path, "a.md", source)
    assert texts(document) == ["Guide", "Hello bold code world.", "Part one", "item a", "k | v", "x | 1"]
    assert document.blocks[3].headings == ("Guide", "Part one")
    assert [block.kind for block in document.blocks[3:]] == ["item", "row", "row"]


def test_chinese_lines_join_without_a_space(tmp_path: Path) -> None:
    assert texts(extracted(tmp_path, "a.md", "第一行没有结束\n第二行结束。\n")) == [
        "第一行没有结束第二行结束。"
    ]
    assert "没有结束第二行" in extracted(
        tmp_path, "a.txt", "这一段文字比较长所以在排版的时候被自动换行而且没有结束\n第二行。"
    ).text.replace("\n", "")


def test_html_shows_what_a_reader_sees(tmp_path: Path) -> None:
    page = (
        "<html><head><title>T &amp; t</title><style>p{}</style></head><body><h1>One</h1><p>Visible <b>text</b>.</p>"
        "<script>evil()</script><noscript>no</noscript><p hidden>hidden</p><p style='display: none'>gone</p><!-- c -->"
        "<h2>Two</h2><ul><li>first<li>second</ul><table><tr><td>a</td><td>b</td></tr></table></body></html>"
    )
    document = extracted(tmp_path, "a.html", page)
    assert texts(document) == ["One", "Visible text.", "Two", "first", "second", "a | b"]
    assert document.title == "T & t"
    assert document.blocks[-1].headings == ("One", "Two")


def test_deeply_nested_html_does_not_break(tmp_path: Path) -> None:
    document = extracted(tmp_path, "a.html", "<div>" * 5000 + "deep" + "</div>" * 5000)
    assert texts(document) == ["deep"]


def test_pdf_knows_its_pages_and_joins_printed_lines(tmp_path: Path) -> None:
    content = pdf_bytes(
        [
            [
                "1 Introduction",
                "This line was broken by the printer in the mid-",
                "dle of a word and goes on here.",
            ],
            ["中文内容在第二页，这一行在排版时被打断了，", "后半句接在这里。"],
        ],
        title="A title",
    )
    document = extracted(tmp_path, "a.pdf", content)
    assert document.pages == 2
    assert document.title == "A title"
    assert "in the middle of a word" in document.text
    assert "被打断了，后半句接在这里。" in document.text
    assert document.blocks[1].locator("en") == "1 Introduction, page 1"
    assert document.blocks[-1].page == 2


def test_word_documents_keep_headings_and_tables(tmp_path: Path) -> None:
    content = docx_bytes(
        [("Title", "制度"), ("Heading 1", "住宿"), ("Normal", "每晚五百元。"), ("List Bullet", "条目")],
        rows=[("城市", "补助"), ("上海", "120")],
    )
    document = extracted(tmp_path, "a.docx", content)
    assert texts(document) == ["制度", "住宿", "每晚五百元。", "条目", "城市 | 补助", "上海 | 120"]
    assert document.blocks[2].headings == ("制度", "住宿")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_text_encodings_give_the_same_text(tmp_path: Path, encoding: str) -> None:
    wanted = "第一章 概述\n\n本系统用于测试，编码不应影响内容。\n"
    document = extracted(tmp_path, "a.txt", wanted.encode(encoding))
    assert texts(document) == ["第一章 概述", "本系统用于测试，编码不应影响内容。"]
    assert document.blocks[1].headings == ("第一章 概述",)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.txt", b"", "empty"),
        ("a.txt", b" \n\xef\xbb\xbf", "empty"),
        ("a.txt", b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "binary"),
        ("a.md", bytes(range(256)) * 20, "binary"),
        ("a.html", b"%PDF-1.7 not html", "binary"),
        ("a.txt", "naïve café crème brûlée".encode("cp1252"), "encoding"),
        ("a.txt", "Привет, как дела сегодня".encode("koi8-r"), "encoding"),
        ("a.pdf", b"just text", "not_pdf"),
        ("a.pdf", b"%PDF-1.7\ngarbage that is no pdf", "broken_pdf"),
        ("a.docx", b"no archive", "broken_archive"),
        ("a.exe", b"text", "unsupported"),
        ("a.html", b"<html><script>only()</script></html>", "no_text"),
        ("a.md", b"[//]: # (x)\n", "no_text"),
    ],
)
def test_unreadable_files_are_refused_by_name_and_reason(
    tmp_path: Path, name: str, content: bytes, reason: str
) -> None:
    assert refusal(tmp_path, name, content) == {"code": "INPUT_UNREADABLE", "file": name, "reason": reason}


def test_encrypted_and_scanned_pdf_are_refused_clearly(tmp_path: Path) -> None:
    assert refusal(tmp_path, "a.pdf", encrypted_pdf_bytes("secret"))["reason"] == "encrypted"
    assert refusal(tmp_path, "a.pdf", pdf_bytes([[""]]))["reason"] == "no_text"


def test_a_pdf_that_only_restricts_printing_is_read(tmp_path: Path) -> None:
    assert "secret text" in extracted(tmp_path, "a.pdf", encrypted_pdf_bytes("")).text


@pytest.mark.parametrize("cut", [0.1, 0.5, 0.9])
def test_a_truncated_pdf_is_read_or_refused_and_nothing_else(tmp_path: Path, cut: float) -> None:
    whole = pdf_bytes([["Some text on a page."]] * 3)
    try:
        told = extracted(tmp_path, "a.pdf", whole[: int(len(whole) * cut)]).text
    except InputUnreadable as fault:
        told = fault.params["reason"]
    assert told in {"broken_pdf", "no_text"} or "Some text" in told


def test_zip_bombs_are_refused_before_they_are_opened(tmp_path: Path) -> None:
    bomb = with_member(docx_bytes([("Normal", "x")]), "word/media/a.bin", bytes(20 * 1024**2))
    assert refusal(tmp_path, "a.docx", bomb) == {
        "code": "INPUT_UNSAFE",
        "file": "a.docx",
        "reason": "compression_ratio",
    }


def test_unpacked_size_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_UNPACKED_BYTES", 1000)
    assert refusal(tmp_path, "a.docx", docx_bytes([("Normal", "x")]))["reason"] == "unpacked_too_large"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_external_entities_are_refused(tmp_path: Path, encoding: str) -> None:
    xml = '<?xml version="1.0"?><!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]><d>&x;</d>'
    evil = with_member(docx_bytes([("Normal", "x")]), "word/document.xml", xml.encode(encoding))
    assert refusal(tmp_path, "a.docx", evil)["reason"] == "xml_entities"


def test_paths_that_lead_outside_are_refused(tmp_path: Path) -> None:
    evil = with_member(docx_bytes([("Normal", "x")]), "../../outside.xml", b"<a/>")
    assert refusal(tmp_path, "a.docx", evil)["reason"] == "path_traversal"


def test_an_archive_that_is_no_document_is_refused(tmp_path: Path) -> None:
    broken = with_member(docx_bytes([("Normal", "x")]), "[Content_Types].xml", b"<Types/>")
    assert refusal(tmp_path, "a.docx", broken)["reason"] == "not_docx"


def test_size_and_pages_are_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extraction, "MAX_DOCUMENT_BYTES", 10)
    monkeypatch.setattr(pdf, "MAX_PAGES", 2)
    with pytest.raises(LimitExceeded) as caught:
        extracted(tmp_path, "a.txt", "more than ten bytes")
    assert caught.value.params == {"limit": "document_bytes", "maximum": 10, "actual": 19, "file": "a.txt"}
    monkeypatch.setattr(extraction, "MAX_DOCUMENT_BYTES", 10**6)
    with pytest.raises(LimitExceeded) as caught:
        extracted(tmp_path, "a.pdf", pdf_bytes([["x"]] * 3))
    assert caught.value.params["limit"] == "document_pages"


def test_inspect_profiles_a_document(tmp_path: Path) -> None:
    file = stored(
        tmp_path,
        "报告.pdf",
        pdf_bytes([["1 概况", "本次调查共布设监测井四十二口。"], ["完。"]], title="水文报告"),
    )
    assert inspect.run(file) == {
        "characters": 23,
        "pages": 2,
        "headings": ["1 概况"],
        "language": "zh",
        "title": "水文报告",
    }


@given(st.text(max_size=400))
def test_every_passage_of_any_markdown_is_where_it_says(source: str) -> None:
    document = extract_markdown(source)
    ends = 0
    for block in document.blocks:
        assert ends <= block.start < block.end <= len(document.text)
        ends = block.end
    for chunk in chunks_of("x", document):
        for unit in chunk.units():
            assert document.text[unit.start : unit.end].strip()
    assert len(normal(document.text)) == len(document.text)


def test_a_changed_quotation_or_source_does_not_resolve(tmp_path: Path) -> None:
    file = stored(tmp_path, "a.md", "# Pump\n\nThe filter is replaced every six months.\n")
    question = {"files": [file], "question": "How often is the filter replaced?", "language": "en"}
    (passage,) = search.run(question)["passages"]
    cases = {
        "ok": passage,
        "quote_differs": {**passage, "quote": passage["quote"].replace("six", "two")},
        "out_of_range": {**passage, "end": passage["end"] + 1000},
        "source_missing": {**passage, "source": "b.md"},
        "empty": {**passage, "quote": " "},
    }
    passages = [{**case, "id": verdict} for verdict, case in cases.items()]
    assert resolve.run({"files": [file], "passages": passages})["passages"] == {v: v for v in cases}
    other = stored(tmp_path, "a.md", "# Pump\n\nThe filter is replaced every two months.\n")
    assert (
        resolve.run({"files": [other], "passages": [passage]})["passages"][passage["id"]] == "quote_differs"
    )


def test_handbook_passages_resolve_and_unknown_ones_do_not() -> None:
    found = search.run({"question": "How do I cancel a task?", "language": "en", "handbook": True})
    passages = found["passages"]
    assert len(found["searched"]) == len(handbook.documents("en"))
    forged = {**passages[0], "id": "forged", "source": "handbook:en/../../settings"}
    verdicts = resolve.run({"passages": [*passages, forged], "handbook": True})["passages"]
    assert verdicts.pop("forged") == "source_missing"
    assert set(verdicts.values()) == {"ok"}


def test_search_is_deterministic_and_does_not_repeat_itself(tmp_path: Path) -> None:
    body = "".join(f"## Part {n}\n\nThe filter is replaced every six months.\n\n" for n in range(6))
    file = stored(tmp_path, "a.md", f"# Pump\n\n{body}")
    question = {"files": [file], "question": "How often is the filter replaced?", "language": "en"}
    first, second = search.run(question), search.run(question)
    assert first == second
    assert len(first["passages"]) == 1


def test_questions_made_of_stop_words_find_nothing(tmp_path: Path) -> None:
    file = stored(tmp_path, "a.md", "# Was ist das\n\nHow is it what they do? 这是什么？怎么办？\n")
    for question in ("How is it?", "这是什么？怎么用？", "???"):
        assert search.run({"files": [file], "question": question, "language": "en"})["passages"] == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("cancel", "cancelling"), ("cancel", "cancelled"), ("cancel", "cancellation"), ("retry", "retries"),
        ("retry", "retried"), ("pause", "paused"), ("pause", "pausing"), ("run", "running"), ("task", "tasks"),
        ("configure", "configuration"), ("install", "installation"), ("process", "processes"),
    ],
)  # fmt: skip
def test_inflected_words_have_one_stem(one: str, other: str) -> None:
    assert stem(one) == stem(other)


def test_terms_leave_out_what_every_question_has() -> None:
    assert [term.forms[0].text for term in terms_of("请问如何取消正在运行的任务？")] == [
        "取消",
        "正在",
        "运行",
        "任务",
    ]
    assert [term.forms[0].text for term in terms_of("How do I set LLM_MODEL?")] == ["set", "llm_model"]


def test_chinese_questions_leave_no_trace(tmp_path: Path) -> None:
    code = (
        "from langgraph_multi_agent.skills.documents import search;"
        "print(len(search.run({'question': '如何取消任务？', 'language': 'zh', 'handbook': True})['passages']))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"TMPDIR": str(tmp_path), "HOME": str(tmp_path), "PYTHONPATH": ":".join(sys.path)},
    )
    assert int(done.stdout) > 0
    assert done.stderr == ""
    assert list(tmp_path.iterdir()) == []
