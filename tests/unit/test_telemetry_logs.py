"""Logs: ECS names, one line a record, no secret."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from langgraph_multi_agent.domain.errors import QueueFull
from langgraph_multi_agent.telemetry.logs import configure_logs


@pytest.fixture(autouse=True)
def untouched_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


def records(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_record_carries_ecs_names_and_the_upper_case_level() -> None:
    stream = io.StringIO()
    configure_logs(stream=stream)
    structlog.get_logger("engine").warning("task.claimed", task_id="t1", agent="writer", extra=3)
    (record,) = records(stream)
    assert record["log.level"] == "warning"
    assert record["level"] == "WARNING"
    assert record["message"] == record["event.action"] == "task.claimed"
    assert record["service.name"] == "langgraph-multi-agent"
    assert (record["task.id"], record["agent.name"], record["extra"]) == ("t1", "writer", 3)
    assert record["log.logger"] == "engine"
    assert record["@timestamp"].endswith("Z")


def test_records_of_other_libraries_look_the_same() -> None:
    stream = io.StringIO()
    configure_logs(stream=stream)
    logging.getLogger("uvicorn.error").info("Started %s", "server")
    (record,) = records(stream)
    assert (record["message"], record["level"]) == ("Started server", "INFO")
    assert "event.action" not in record


def test_records_below_the_level_are_not_written() -> None:
    stream = io.StringIO()
    configure_logs(stream=stream, level="ERROR")
    structlog.get_logger().info("task.claimed")
    logging.getLogger("httpx").error("seen")
    assert [r["message"] for r in records(stream)] == ["seen"]


def test_an_exception_becomes_error_fields_on_one_line() -> None:
    stream = io.StringIO()
    configure_logs(stream=stream)
    try:
        raise QueueFull(limit=3)
    except QueueFull:
        structlog.get_logger().exception("task.refused")
    (record,) = records(stream)
    assert (record["error.type"], record["error.code"]) == ("QueueFull", "QUEUE_FULL")
    assert "raise QueueFull" in record["error.stack_trace"]


def test_bound_context_reaches_the_record() -> None:
    stream = io.StringIO()
    configure_logs(stream=stream)
    with structlog.contextvars.bound_contextvars(task_id="t9"):
        structlog.get_logger().info("step.done")
    assert records(stream)[0]["task.id"] == "t9"


@pytest.mark.parametrize("style", ["json", "console"])
def test_no_secret_is_written(style: Any) -> None:
    stream = io.StringIO()
    configure_logs(stream=stream, style=style, secrets=["plain-canary-value"])
    log = structlog.get_logger()
    log.info("a.b", api_key="canary-1", headers={"Authorization": "canary-2", "x-api-key": "canary-3"})
    log.info("a.b", url="postgresql://user:canary-4@host/db", note="Bearer canary-5-abcdef")
    log.info("a.b", text="the key plain-canary-value was used", items=["sk-canary6abcdefgh"])
    log.info("failed with password=canary-7 in it")
    try:
        raise ValueError("token: canary-8")
    except ValueError:
        log.exception("x.y")
    output = stream.getvalue()
    leaked = [n for n in range(1, 9) if f"canary-{n}" in output or f"canary{n}" in output]
    assert not leaked
    assert "plain-canary-value" not in output
    assert "user" in output


def test_token_counts_are_no_secrets() -> None:
    stream = io.StringIO()
    configure_logs(stream=stream)
    structlog.get_logger().info("model.called", input_tokens=12, output_tokens=3)
    assert records(stream)[0]["input_tokens"] == 12


FORGERIES = [
    'x\r\n{"message": "forged"}',
    "x\u2028{}\u2029{}",
    "x\x85\x0b\x0cforged",
    "\x1b[31mred\x1b[2J",
    "\x9b31mred",
    "\u202ehtap\u200b\ufeff",
    "\x7f\x08",
]


@pytest.mark.parametrize("style", ["json", "console"])
def test_words_of_others_end_no_line_and_move_no_cursor(style: Any) -> None:
    stream = io.StringIO()
    configure_logs(stream=stream, style=style)
    for text in FORGERIES:
        structlog.get_logger().info("http.request", **{"url.path": text})
        logging.getLogger("library").warning("refused %s", text)
    written = stream.getvalue()
    assert len(written.splitlines()) == written.count("\n") == 2 * len(FORGERIES)
    assert not [char for char in written if char != "\n" and not char.isprintable()]
    if style == "json":
        paths = [record["url.path"] for record in records(stream) if "url.path" in record]
        assert paths == FORGERIES


def test_a_stack_on_a_console_shows_what_was_written_in_it() -> None:
    stream = io.StringIO()
    configure_logs(stream=stream, style="console")
    try:
        raise ValueError("\x1b[31mred\u2028")
    except ValueError:
        structlog.get_logger().exception("agent.failed")
    assert "\\u001b[31mred\\u2028" in stream.getvalue()
    assert "\x1b" not in stream.getvalue()
