"""Events of a task: pages of the log, and the same log as a live stream."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Annotated, Any

import orjson
from fastapi import Header, Query
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Send
from starlette.types import Scope as AsgiScope

from langgraph_multi_agent.access import Scope
from langgraph_multi_agent.access.policy import Permission
from langgraph_multi_agent.api import models, samples
from langgraph_multi_agent.api.auth.gate import require_room, while_valid
from langgraph_multi_agent.api.auth.rules import needs, ruled_router
from langgraph_multi_agent.api.context import Language, ScopeOf, Services, ServicesOf
from langgraph_multi_agent.api.documents import example, problems
from langgraph_multi_agent.api.problems import Json, problem_body
from langgraph_multi_agent.api.shapes import event_shape
from langgraph_multi_agent.domain import errors as faults
from langgraph_multi_agent.domain.errors import Fault
from langgraph_multi_agent.domain.event import Event
from langgraph_multi_agent.service.streams import Ephemeral, StreamItem
from langgraph_multi_agent.service.tasks import MAX_PAGE

router = ruled_router(tags=["results"])

RETRY_MS = 2000
LOOK_UP_S = 2.0
"""How often a quiet stream looks whether the process is about to end."""
END_DEADLINE_S = 1.0
"""How long a client whose credential ended gets to take the end of its stream."""
MAX_SEQ = 2**53
PROBLEMS = problems(
    faults.TaskNotFound, faults.EventsGone, faults.InvalidRequest, faults.DependencyUnavailable
)
Seq = Annotated[int, Query(ge=0, le=MAX_SEQ, description="The number of the last event that is known.")]


@router.get(
    "/api/v1/tasks/{task_id}/events",
    response_model=models.EventPage,
    summary="List events",
    description="Events with `seq > after`, in order, without gaps. `next` is the `after` of the next page.",
    responses={**PROBLEMS, **example(200, "A page", {"events": [samples.EVENT], "next": 1})},
)
@needs(Permission.TASKS_READ)
async def list_events(  # noqa: PLR0917 - FastAPI calls it by name
    task_id: str,
    services: ServicesOf,
    scope: ScopeOf,
    language: Language,
    after: Seq = 0,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 200,
) -> Response:
    found = await services.tasks.events(scope, task_id, after=after, limit=limit)
    next_ = found[-1].seq if found else after
    return Json({"events": [event_shape(event, language) for event in found], "next": next_})


_STREAM_EXAMPLE = (
    f"retry: {RETRY_MS}\n\n"
    'id: 1\nevent: task.submitted\ndata: {"seq":1,"type":"task.submitted",…}\n\n'
    'event: progress\ndata: {"task_id":"…","subtask_id":"…","rows":120000}\n\n'
    ": keep-alive\n\n"
)


@router.get(
    "/api/v1/tasks/{task_id}/events/stream",
    summary="Follow events live",
    description="Server-sent events: `id` is `seq`, `event` the type, `data` the event as in the list. "
    "`progress` events have no id and may be missed. A client that comes back with `Last-Event-ID` "
    "(or `?after=`) sees every event once and in order. The stream ends after the event that ended the "
    "task; coming back after that answers 204, which stops an EventSource. `problem` events tell why a "
    "stream broke off.",
    response_class=Response,
    responses={
        **PROBLEMS,
        200: {
            "description": "The stream",
            "content": {
                "text/event-stream": {
                    "schema": {"type": "string"},
                    "examples": {"live": {"value": _STREAM_EXAMPLE}},
                }
            },
        },
        204: {"description": "The task has ended and everything was seen"},
    },
)
@needs(Permission.TASKS_READ)
async def stream_events(  # noqa: PLR0917 - FastAPI calls it by name
    request: Request,
    task_id: str,
    services: ServicesOf,
    scope: ScopeOf,
    language: Language,
    after: Seq = 0,
    last_event_id: Annotated[
        int | None, Header(alias="Last-Event-ID", ge=0, le=MAX_SEQ, description="Stronger than `after`.")
    ] = None,
) -> Response:
    require_room(request)
    known = after if last_event_id is None else last_event_id
    history = await services.streams.check(scope, task_id, after=known)
    if last_event_id is not None and history.is_over and not history.events:
        return Response(status_code=204)
    return EventStream(request, services, scope, task_id, after=known, language=language)


class EventStream(Response):
    """One client's stream. It is pulled: a slow client holds back its reading, and nothing else.

    It ends with the credential that opened it; a client that comes back is asked again who it is.
    """

    media_type = "text/event-stream"

    def __init__(
        self, request: Request, services: Services, scope: Scope, task_id: str, *, after: int, language: str
    ) -> None:
        super().__init__(headers={"cache-control": "no-store", "x-accel-buffering": "no"})
        del self.headers["content-length"]
        self._request, self._services, self._scope, self._task_id = request, services, scope, task_id
        self._after, self._language, self._is_open = after, language, False

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        sending = asyncio.create_task(self._send(send), name="sse-send")
        leaving = asyncio.create_task(_until_disconnect(receive), name="sse-leave")
        refused = asyncio.Event()
        refusing = asyncio.create_task(refused.wait(), name="sse-refuse")
        tasks = {sending, leaving, refusing}
        try:
            with while_valid(self._request, refused.set):
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        with suppress(asyncio.CancelledError, OSError):
            sending.result()
        if self._is_open and refused.is_set():
            with suppress(TimeoutError, OSError):
                async with asyncio.timeout(END_DEADLINE_S):
                    await send(_LAST)

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        self._is_open = True
        async with aclosing(self._chunks()) as chunks:
            async for chunk in chunks:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        self._is_open = False
        await send(_LAST)

    async def _chunks(self) -> AsyncGenerator[bytes, None]:
        """Frames as they are sent: those of events that came together go together."""
        services, clock = self._services, self._services.clock
        yield b"retry: %d\n\n" % RETRY_MS
        spoke = clock.monotonic()
        idle_s = min(LOOK_UP_S, services.stream_limits.keep_alive_s)
        follow = services.streams.pages_of_task(self._scope, self._task_id, after=self._after, idle_s=idle_s)
        try:
            async with aclosing(follow) as pages:
                async for page in pages:
                    if chunk := b"".join([self._frame_of(item) for item in page]):
                        yield chunk
                    elif clock.monotonic() - spoke >= services.stream_limits.keep_alive_s:
                        yield b": keep-alive\n\n"
                    else:
                        if services.is_stopping():
                            return
                        continue
                    spoke = clock.monotonic()
                    if services.is_stopping():
                        return
        except Fault as fault:
            yield _frame("problem", problem_body(fault, self._language))

    def _frame_of(self, item: StreamItem) -> bytes:
        if isinstance(item, Ephemeral):
            return _frame("progress", dict(item.data))
        if not isinstance(item, Event):
            return b""
        key = (self._scope.tenant, item.task_id, item.seq, self._language)
        frames = self._services.stream_frames
        frame = frames.known(key)
        if frame is None:
            frame = _frame(item.type.value, event_shape(item, self._language), seq=item.seq)
            frames.put(key, frame)
        return frame


_LAST = {"type": "http.response.body", "body": b"", "more_body": False}


def _frame(event: str, data: Any, *, seq: int | None = None) -> bytes:
    """One event; JSON never holds a line break, so one data line is enough."""
    head = b"" if seq is None else b"id: %d\n" % seq
    return (
        head
        + b"event: "
        + event.encode()
        + b"\ndata: "
        + orjson.dumps(data, option=orjson.OPT_UTC_Z)
        + b"\n\n"
    )


async def _until_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
