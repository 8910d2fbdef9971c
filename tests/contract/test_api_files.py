"""Files over HTTP: streamed uploads with limits, and downloads that are safe to open."""

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.server import Desk, open_desk

pytestmark = pytest.mark.anyio

BOUNDARY = "----boundary"
FORM = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(tmp_path / "data", max_input_bytes=300_000, max_files=3) as opened:
        yield opened


def part(name: str, content: bytes, file_name: str | None = None) -> bytes:
    disposition = f'form-data; name="{name}"' + (f'; filename="{file_name}"' if file_name is not None else "")
    return (
        b"--"
        + BOUNDARY.encode()
        + b"\r\nContent-Disposition: "
        + disposition.encode()
        + b"\r\n\r\n"
        + content
        + b"\r\n"
    )


END = f"--{BOUNDARY}--\r\n".encode()


async def send(desk: Desk, *parts: bytes, end: bytes = END, **headers: str) -> Any:
    """Post a form in small pieces, so that every boundary is cut somewhere."""
    body = b"".join(parts) + end

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 997):
            yield body[start : start + 997]

    return await desk.client.post("/api/v1/tasks", content=pieces(), headers=FORM | headers)


async def count(desk: Desk) -> int:
    return len((await desk.client.get("/api/v1/tasks")).json()["tasks"])


async def test_a_form_brings_fields_and_files(desk: Desk) -> None:
    content = "地区,销售额\n华东,10\n".encode()
    answer = await desk.client.post(
        "/api/v1/tasks",
        data={
            "description": "分析销售",
            "priority": "3",
            "deadline": "2026-12-31",
            "input_data": '{"region": "华东"}',
            "budget": '{"tokens": 10}',
            "assignee": "",
        },
        files=[("files", ("销售 数据.csv", content, "application/x-evil")), ("files", ("b.json", b"[]"))],
    )
    assert answer.status_code == 202, answer.text
    task = answer.json()
    assert (task["priority"], task["input_data"], task["budget"]["tokens"]) == (3, {"region": "华东"}, 10)
    assert task["assignee"] is None
    assert [(item["name"], item["media_type"]) for item in task["files"]] == [
        ("销售 数据.csv", "text/csv"),
        ("b.json", "application/json"),
    ]
    assert task["files"][0]["digest"] == hashlib.sha256(content).hexdigest()
    listed = (await desk.client.get(f"/api/v1/tasks/{task['id']}/artifacts")).json()["artifacts"]
    read = await desk.client.get(next(item["url"] for item in listed if item["name"] == "销售 数据.csv"))
    assert read.content == content


async def test_a_large_file_is_streamed_to_the_store_and_not_held(desk: Desk) -> None:
    content = bytes(range(256)) * 1000
    answer = await send(desk, part("description", b"x"), part("files", content, "big.csv"))
    assert answer.status_code == 202, answer.text
    assert answer.json()["files"][0]["digest"] == hashlib.sha256(content).hexdigest()


async def test_a_file_over_the_limit_stops_the_upload(desk: Desk) -> None:
    sent = 0

    async def flood() -> AsyncIterator[bytes]:
        nonlocal sent
        yield part("description", b"x")
        yield part("files", b"", "big.csv")[:-2]
        for _ in range(1000):
            sent += 65536
            yield b"x" * 65536
        yield END

    answer = await desk.client.post("/api/v1/tasks", content=flood(), headers=FORM)
    assert (answer.status_code, answer.json()["code"]) == (413, "INPUT_TOO_LARGE")
    assert sent <= 300_000 + 2 * 65536
    assert await count(desk) == 0


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "..",
        "/etc/passwd",
        "a/b.csv",
        "a\\\\b.csv",
        "bad\x07bell.csv",
        "x" * 201,
        "zero\u200bwidth.csv",
    ],
)
async def test_a_file_name_that_is_no_plain_name_is_refused(desk: Desk, name: str) -> None:
    answer = await send(desk, part("description", b"x"), part("files", b"1", name))
    assert (answer.status_code, answer.json()["code"]) == (422, "INPUT_UNSAFE"), answer.text
    assert answer.json()["detail"]
    assert await count(desk) == 0


async def test_a_file_name_in_another_encoding_is_refused(desk: Desk) -> None:
    odd = part("files", b"1", "NAME").replace(b"NAME", "销售.csv".encode("gbk"))
    answer = await send(desk, part("description", b"x"), odd)
    assert (answer.status_code, answer.json()["code"]) == (422, "INPUT_UNSAFE")


@pytest.mark.parametrize(
    ("parts", "field", "code"),
    [
        ([part("files", b"1", "a.csv")], "description", "missing"),
        ([part("description", b"x"), part("description", b"y")], "description", "given_twice"),
        ([part("description", b"x"), part("colour", b"red")], "colour", "unknown_field"),
        ([part("description", b"x"), part("upload", b"1", "a.csv")], "upload", "unknown_field"),
        ([part("description", b"x"), part("input_data", b"{")], "input_data", "not_json"),
        ([part("description", b"x"), part("budget", b"[]")], "budget", "wrong_type"),
        ([part("description", b"x"), part("priority", b"many")], "priority", "wrong_type"),
        ([part("description", b"x"), part("priority", b"9")], "priority", "above_maximum"),
        ([part("description", b"\xff\xfe")], "description", "not_text"),
        ([part("description", b"a\x00b")], "description", "control_character"),
        (
            [part("description", b"x")] + [part("files", b"1", f"{n}.csv") for n in range(4)],
            "files",
            "too_many",
        ),
        ([part("description", b"x")] + [part("files", b"1", "a.csv")] * 2, "files", "name_used_twice"),
    ],
)
async def test_a_bad_form_names_the_field(desk: Desk, parts: list[bytes], field: str, code: str) -> None:
    answer = await send(desk, *parts)
    assert answer.status_code == 422, answer.text
    errors = [(error["field"], error["code"]) for error in answer.json()["errors"]]
    assert (field, code) in errors
    assert await count(desk) == 0


async def test_the_fields_of_a_form_have_the_limit_of_a_body(desk: Desk) -> None:
    answer = await send(desk, part("description", b"x" * 1_100_000))
    assert (answer.status_code, answer.json()["code"]) == (413, "INPUT_TOO_LARGE")


@pytest.mark.parametrize("end", [b"", END[:-6]])
async def test_an_upload_that_was_cut_makes_no_task(desk: Desk, end: bytes) -> None:
    answer = await send(desk, part("description", b"x"), part("files", b"123", "a.csv"), end=end)
    assert (answer.status_code, answer.json()["code"]) == (400, "MALFORMED_FORM")
    assert await count(desk) == 0


async def test_a_body_that_is_no_form_is_refused(desk: Desk) -> None:
    for headers in (FORM, {"content-type": "multipart/form-data"}):
        answer = await desk.client.post("/api/v1/tasks", content=b"hello", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (400, "MALFORMED_FORM")


async def test_what_the_team_cannot_read_is_refused_before_a_task_is_made(desk: Desk) -> None:
    answer = await send(desk, part("description", b"x"), part("files", b"MZ", "setup.exe"))
    assert (answer.status_code, answer.json()["code"]) == (422, "INPUT_UNREADABLE")
    assert "setup.exe" in answer.json()["detail"]


async def test_the_empty_part_of_a_form_without_a_file_counts_as_none(desk: Desk) -> None:
    answer = await send(desk, part("description", b"x"), part("files", b"", ""))
    assert (answer.status_code, answer.json()["files"]) == (202, [])
    answer = await send(desk, part("description", b"x"), part("files", b"1", ""))
    assert answer.json()["code"] == "INPUT_UNSAFE"


async def test_the_same_key_knows_the_same_files(desk: Desk) -> None:
    key = {"idempotency-key": "files-1"}
    form = [part("description", b"x"), part("files", b"1,2", "a.csv")]
    first, again = await send(desk, *form, **key), await send(desk, *form, **key)
    assert first.json()["id"] == again.json()["id"]
    assert again.headers["idempotent-replayed"] == "true"
    other = await send(desk, part("description", b"x"), part("files", b"1,3", "a.csv"), **key)
    assert (other.status_code, other.json()["code"]) == (409, "IDEMPOTENCY_CONFLICT")


@pytest.mark.parametrize("stated", ["text/html", "text/html; charset=utf-8", "TEXT/HTML;charset=utf-8"])
async def test_a_report_is_shown_in_a_sandbox_under_its_digest(desk: Desk, stated: str) -> None:
    task_id = (await desk.submit())["id"]
    digest = await desk.save(task_id, "报告 1.html", b"<h1>x</h1>", stated, "report")
    (shown,) = (await desk.client.get(f"/api/v1/tasks/{task_id}/artifacts")).json()["artifacts"]
    answer = await desk.client.get(shown["url"])
    assert answer.content == b"<h1>x</h1>"
    assert answer.headers["content-type"].replace(" ", "").lower() == "text/html;charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:")
    disposition = answer.headers["content-disposition"]
    assert disposition == "inline; filename=\"__ 1.html\"; filename*=UTF-8''%E6%8A%A5%E5%91%8A%201.html"
    assert answer.headers["etag"] == f'"{digest}"'
    fresh = await desk.client.get(shown["url"], headers={"if-none-match": f'W/"{digest}"'})
    assert (fresh.status_code, fresh.content) == (304, b"")
    part_ = await desk.client.get(shown["url"], headers={"range": "bytes=1-2"})
    assert (part_.status_code, part_.content) == (206, b"h1")
    head = await desk.client.head(shown["url"])
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", "10")


async def test_what_a_browser_cannot_show_is_a_download(desk: Desk) -> None:
    task_id = (await desk.submit())["id"]
    await desk.save(task_id, "rows.parquet", b"PAR1", "application/vnd.apache.parquet", "result")
    await desk.save(task_id, "chart.svg", b"<svg/>", "image/svg+xml", "chart")
    base = f"/api/v1/tasks/{task_id}/artifacts"
    assert (
        (await desk.client.get(f"{base}/rows.parquet"))
        .headers["content-disposition"]
        .startswith("attachment")
    )
    chart = await desk.client.get(f"{base}/chart.svg")
    assert chart.headers["content-disposition"].startswith("inline")
    assert chart.headers["content-security-policy"].startswith("sandbox")
    chosen = await desk.client.get(f"{base}/chart.svg", params={"download": "true"})
    assert chosen.headers["content-disposition"].startswith("attachment")


@pytest.mark.parametrize("name", ["none.txt", "..%2f..%2flgma.db", "%2e%2e/lgma.db", "a%00b"])
async def test_a_name_that_no_file_of_the_task_has_is_not_found(desk: Desk, name: str) -> None:
    task_id = (await desk.submit())["id"]
    answer = await desk.client.get(f"/api/v1/tasks/{task_id}/artifacts/{name}")
    assert answer.status_code == 404
    assert answer.json()["code"] in ("ARTIFACT_NOT_FOUND", "ROUTE_NOT_FOUND")


@pytest.mark.parametrize(
    ("asked", "status", "content"),
    [
        ("bytes=1-2", 206, b"12"),
        ("bytes=7-", 206, b"789"),
        ("BYTES = 8-99", 206, b"89"),
        ("bytes=-3", 206, b"789"),
        ("bytes=0-1,99-", 206, b"01"),
        *((odd, 200, b"0123456789") for odd in ("", "bytes", "bytes=", "bytes=5-3", "bytes=a-b")),
        *((odd, 200, b"0123456789") for odd in ("lines=0-1", "bytes=-", "bytes=0-1,x")),
        *((none, 416, None) for none in ("bytes=10-", "bytes=99-100", "bytes=-0")),
    ],
)
async def test_a_part_of_a_file_is_given_refused_as_a_problem_or_not_understood(
    desk: Desk, asked: str, status: int, content: bytes | None
) -> None:
    task_id = (await desk.submit())["id"]
    digest = await desk.save(task_id, "ten.txt", b"0123456789", "text/plain", "result")
    url = f"/api/v1/tasks/{task_id}/artifacts/ten.txt"
    answer = await desk.client.get(url, headers={"range": asked})
    assert answer.status_code == status
    if content is None:
        assert answer.json()["code"] == "RANGE_NOT_SATISFIABLE"
        assert answer.headers["content-range"] == "bytes */10"
    else:
        assert answer.content == content
    stale = await desk.client.get(url, headers={"range": asked, "if-range": '"another"'})
    assert (stale.status_code, stale.content) == (200, b"0123456789")
    fresh = await desk.client.get(url, headers={"range": asked, "if-range": f'"{digest}"'})
    assert fresh.status_code == status
