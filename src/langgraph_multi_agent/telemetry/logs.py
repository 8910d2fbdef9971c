"""Structured logs with the field names of the Elastic Common Schema.

Hides structlog's processors and the bridge from the standard library's loggers, so that the
records of uvicorn or SQLAlchemy look like ours. `bootstrap` calls `configure_logs` once; all
others write `structlog.get_logger(__name__).info("task.claimed", task_id=…)`.

The event string is a stable dotted word: it becomes `event.action`, and `message` too unless
`message=` is given. Keyword names become ECS names by `FIELD_NAMES`; other names stay.
Invariant: one line per record, redacted, written to the one stream given.
"""

import logging
import re
import sys
import traceback
from collections.abc import Iterable, MutableMapping
from typing import Any, Literal, TextIO

import orjson
import structlog

from langgraph_multi_agent.domain.errors import Fault
from langgraph_multi_agent.telemetry.redaction import Redactor, know

SERVICE_NAME = "langgraph-multi-agent"
FIELD_NAMES = {
    "task_id": "task.id",
    "subtask_id": "task.subtask_id",
    "run_id": "task.run_id",
    "epoch": "task.epoch",
    "tenant": "organization.id",
    "agent": "agent.name",
    "duration_s": "event.duration_s",
    "outcome": "event.outcome",
    "reason": "event.reason",
    "method": "http.request.method",
    "route": "http.route",
    "status_code": "http.response.status_code",
    "request_id": "http.request.id",
    "model": "gen_ai.request.model",
    "error_code": "error.code",
}
QUIET = ("httpx", "httpcore", "openai", "anthropic", "aiosqlite", "matplotlib", "asyncio")
"""Libraries whose chatter below WARNING would carry request bodies or hide our own records."""

Record = MutableMapping[str, Any]


def configure_logs(
    *,
    level: str = "INFO",
    style: Literal["json", "console"] = "json",
    stream: TextIO | None = None,
    secrets: Iterable[str] = (),
    service: str = SERVICE_NAME,
) -> None:
    """Send all records of this process to one stream.

    Args:
        level: lowest level that is written.
        style: `json` for machines, `console` for a terminal.
        stream: standard output for the server (default); the CLI gives standard error, because
            its standard output carries data.
        secrets: values that must never appear.
        service: `service.name` of every record.
    """
    out = sys.stdout if stream is None else stream
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="@timestamp"),
    ]
    redactor = know(secrets)
    final: list[Any] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, _error_fields]
    if style == "json":
        final += [_EcsNames(service), _Redaction(redactor), _render_json]
    else:
        final += [_Redaction(redactor), _ConsoleLine(is_terminal=out.isatty())]
    handler = logging.StreamHandler(out)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=final))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers[:] = []
        logger.propagate = True
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


class _EcsNames:
    """Our keywords to ECS names, in the order that ECS asks for."""

    def __init__(self, service: str) -> None:
        self._service = service

    def __call__(self, logger: Any, method: str, record: Record) -> Record:
        level = str(record.pop("level", method))
        event = str(record.pop("event", ""))
        name = record.pop("logger", None)
        named: Record = {
            "@timestamp": record.pop("@timestamp"),
            "log.level": level,
            "level": level.upper(),
            "message": str(record.pop("message", event)),
            "service.name": self._service,
            "ecs.version": "1.6.0",
        }
        if _is_action(event):
            named["event.action"] = event
        if name:
            named["log.logger"] = name
        for key, value in record.items():
            if not key.startswith("_"):
                named[FIELD_NAMES.get(key, key)] = value
        return named


class _Redaction:
    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor

    def __call__(self, logger: Any, method: str, record: Record) -> Record:
        redacted: Record = self._redactor.value(record)
        return redacted


class _ConsoleLine:
    def __init__(self, *, is_terminal: bool) -> None:
        self._renderer = structlog.dev.ConsoleRenderer(
            colors=is_terminal, timestamp_key="@timestamp", pad_event_to=24
        )

    def __call__(self, logger: Any, method: str, record: Record) -> str:
        stack = record.pop("error.stack_trace", None)
        plain = {key: _shown(item, _UNSEEN) if isinstance(item, str) else item for key, item in record.items()}
        line = self._renderer(logger, method, plain)
        return f"{line}\n{_shown(stack, _UNSEEN_IN_LINES)}" if stack else line


def _is_action(event: str) -> bool:
    return "." in event and all(part.isidentifier() for part in event.split("."))


def _error_fields(_logger: Any, _method: str, record: Record) -> Record:
    """`exc_info` as `error.*`; a Fault also tells its code."""
    info = record.pop("exc_info", None)
    if info is True:
        info = sys.exc_info()
    error = info if isinstance(info, BaseException) else info[1] if isinstance(info, tuple) else None
    if error is not None:
        record["error.type"] = type(error).__name__
        record["error.message"] = str(error)
        record["error.stack_trace"] = "".join(traceback.format_exception(error))
        if isinstance(error, Fault):
            record["error.code"] = error.code
    return record


_INVISIBLE = "\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"
_UNSEEN = re.compile(rf"[\x00-\x1f{_INVISIBLE}]")
_UNSEEN_IN_LINES = re.compile(rf"[\x00-\x08\x0b-\x1f{_INVISIBLE}]")
"""What moves a cursor, hides, turns text round or ends a line for some reader; the last leaves lines as they are."""


def _shown(text: str, unseen: re.Pattern[str]) -> str:
    return unseen.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _render_json(_logger: Any, _method: str, record: Record) -> str:
    # JSON lets all but the first 32 stand as they are.
    return _shown(orjson.dumps(record, default=str, option=orjson.OPT_NON_STR_KEYS).decode(), _UNSEEN)
