"""A scripted model endpoint over real HTTP on the loopback.

It speaks what OpenAI-compatible servers speak (`/v1/chat/completions`, plain and streamed) and the
same for Anthropic (`/v1/messages`). Replies come from a queue, or from a policy that looks at the
request, so that an end-to-end test can answer each agent. Every request is recorded.

    with OpenAIServer([rate_limited("2"), text("hello")]) as server:
        Settings.load({"LLM_MODEL": "m", "LLM_BASE_URL": server.base_url})
"""

import json
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Literal, Self

CHUNK_CHARS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer of the server.

    Attributes:
        usage: (input, output) tokens, or None to tell nothing.
        raw: a body sent as it is, instead of a completion.
        cut: `drop` closes the connection half-way; `silent` ends a stream in good order but
            without finish reason and terminator; `stall` stops sending and keeps the line open.
        is_hanging: never answer; the connection stays open until the server stops.
    """

    text: str = ""
    status: int = 200
    usage: tuple[int, int] | None = (11, 7)
    finish_reason: str = "stop"
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    content_type: str = "application/json"
    cut: Literal["drop", "silent", "stall"] | None = None
    is_hanging: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request as it came in; header names are in lower case."""

    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]

    @property
    def model(self) -> str:
        return str(self.body.get("model"))

    @property
    def is_stream(self) -> bool:
        return bool(self.body.get("stream"))

    @property
    def prompt(self) -> str:
        """All message texts, one after the other."""
        return "\n".join(str(message["content"]) for message in self.body.get("messages", ()))


def text(value: str, **options: Any) -> Reply:
    return Reply(text=value, **options)


def json_text(value: Any, *, fenced: bool = False, **options: Any) -> Reply:
    """The value as JSON, optionally as chatty models send it: in a code fence with prose around."""
    body = json.dumps(value, ensure_ascii=False)
    return Reply(text=f"Here it is:\n```json\n{body}\n```\nDone." if fenced else body, **options)


def failure(status: int, message: str = "it went wrong", **options: Any) -> Reply:
    body = {"error": {"message": message, "type": "error", "code": options.pop("code", None)}}
    return Reply(status=status, raw=json.dumps(body).encode(), **options)


def rate_limited(retry_after: str | None = None, **options: Any) -> Reply:
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    return failure(429, "slow down", headers=headers, **options)


def web_page(status: int = 200) -> Reply:
    """What a proxy or a wrong address answers."""
    return Reply(status=status, raw=b"<html><body>Welcome</body></html>", content_type="text/html")


def hanging() -> Reply:
    return Reply(is_hanging=True)


class OpenAIServer:
    """The server, on a free port from `start` to `stop`; also a context manager.

    Args:
        replies: answered in order; more can be added with `add`. When they are used up the
            server answers 500, and `unscripted` counts it.
        policy: request → reply; asked when the queue is empty.
    """

    def __init__(
        self, replies: Iterable[Reply] = (), *, policy: Callable[[Request], Reply] | None = None
    ) -> None:
        self.requests: list[Request] = []
        self.unscripted = 0
        self._replies = deque(replies)
        self._policy = policy
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._arrived = threading.Condition(self._lock)
        self._http = _Http(("127.0.0.1", 0), _Exchange)
        self._http.script = self
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )

    @property
    def base_url(self) -> str:
        """What LLM_BASE_URL wants for an OpenAI-compatible server."""
        return f"{self.root_url}/v1"

    @property
    def root_url(self) -> str:
        """The same for Anthropic."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def add(self, *replies: Reply) -> None:
        with self._lock:
            self._replies.extend(replies)

    def wait_for_requests(self, count: int, timeout_s: float = 60.0) -> bool:
        """Block until so many requests have arrived."""
        with self._arrived:
            return self._arrived.wait_for(lambda: len(self.requests) >= count, timeout_s)

    def start(self) -> Self:
        self._thread.start()
        return self

    def stop(self) -> None:
        self._stopping.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join(timeout=5)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def reply_to(self, request: Request) -> Reply:
        with self._arrived:
            self.requests.append(request)
            self._arrived.notify_all()
            if self._replies:
                return self._replies.popleft()
            if self._policy is None:
                self.unscripted += 1
                return failure(500, "no reply scripted")
        return self._policy(request)

    def hang(self) -> None:
        self._stopping.wait(60)


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    script: OpenAIServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is part of the tests."""


class _Exchange(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Http

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        request = Request(
            path=self.path,
            headers={name.lower(): value for name, value in self.headers.items()},
            body=json.loads(self.rfile.read(length) or b"{}"),
        )
        reply = self.server.script.reply_to(request)
        is_anthropic = self.path.startswith("/v1/messages")
        if reply.is_hanging:
            self.server.script.hang()
            self.close_connection = True
        elif reply.raw is not None:
            self._send(reply, reply.raw)
        elif request.is_stream:
            self._stream(reply, list((_anthropic_events if is_anthropic else _openai_events)(request, reply)))
        else:
            answer = (_anthropic_answer if is_anthropic else _openai_answer)(request, reply)
            self._send(reply, json.dumps(answer).encode())

    def _send(self, reply: Reply, body: bytes) -> None:
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(body)))
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if reply.cut:
            body = body[: len(body) // 2]
            self.close_connection = True
        self.wfile.write(body)

    def _stream(self, reply: Reply, events: list[str]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for event in events:
            data = event.encode()
            self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
            self.wfile.flush()
        if reply.cut == "stall":
            self.server.script.hang()
        if reply.cut in {"drop", "stall"}:
            self.close_connection = True
        else:
            self.wfile.write(b"0\r\n\r\n")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Quiet: the tests read `requests`."""


def _pieces(reply: Reply) -> list[str]:
    pieces = [reply.text[i : i + CHUNK_CHARS] for i in range(0, len(reply.text), CHUNK_CHARS)]
    return pieces[: max(1, len(pieces) // 2)] if reply.cut else pieces


def _openai_usage(usage: tuple[int, int]) -> dict[str, int]:
    return {"prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": sum(usage)}


def _openai_answer(request: Request, reply: Reply) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": request.model,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": reply.text},
                "finish_reason": reply.finish_reason,
            }
        ],
    }
    if reply.usage is not None:
        answer["usage"] = _openai_usage(reply.usage)
    return answer


def _openai_events(request: Request, reply: Reply) -> Iterable[str]:
    base = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": request.model}

    def event(**rest: Any) -> str:
        return f"data: {json.dumps({**base, **rest})}\n\n"

    def choice(delta: dict[str, str], finish_reason: str | None = None) -> list[dict[str, Any]]:
        return [{"index": 0, "delta": delta, "finish_reason": finish_reason}]

    yield event(choices=choice({"role": "assistant", "content": ""}))
    for piece in _pieces(reply):
        yield event(choices=choice({"content": piece}))
    if reply.cut:
        return
    yield event(choices=choice({}, reply.finish_reason))
    if reply.usage is not None and request.body.get("stream_options", {}).get("include_usage"):
        yield event(choices=[], usage=_openai_usage(reply.usage))
    yield "data: [DONE]\n\n"


def _anthropic_answer(request: Request, reply: Reply) -> dict[str, Any]:
    usage = reply.usage or (0, 0)
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": request.model,
        "content": [{"type": "text", "text": reply.text}],
        "stop_reason": "end_turn" if reply.finish_reason == "stop" else reply.finish_reason,
        "stop_sequence": None,
        "usage": {"input_tokens": usage[0], "output_tokens": usage[1]},
    }


def _anthropic_events(request: Request, reply: Reply) -> Iterable[str]:
    def event(kind: str, **rest: Any) -> str:
        return f"event: {kind}\ndata: {json.dumps({'type': kind, **rest})}\n\n"

    answer = _anthropic_answer(request, reply)
    usage = answer["usage"]
    start = {**answer, "content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 1}}
    yield event("message_start", message=start)
    yield event("content_block_start", index=0, content_block={"type": "text", "text": ""})
    for piece in _pieces(reply):
        yield event("content_block_delta", index=0, delta={"type": "text_delta", "text": piece})
    if reply.cut:
        return
    yield event("content_block_stop", index=0)
    yield event(
        "message_delta",
        delta={"stop_reason": answer["stop_reason"], "stop_sequence": None},
        usage=usage,
    )
    yield event("message_stop")
