"""Export and import in the envelope of the MVP2 contract; both are streamed."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any, BinaryIO

import orjson
from fastapi import Request
from pydantic import ConfigDict, Field
from starlette.responses import Response, StreamingResponse

from langgraph_multi_agent.access.policy import Permission
from langgraph_multi_agent.api import samples
from langgraph_multi_agent.api.auth.rules import needs, ruled_router
from langgraph_multi_agent.api.body import JSON, media_type_of
from langgraph_multi_agent.api.context import Language, ScopeOf, ServicesOf
from langgraph_multi_agent.api.mvp2.envelope import Answer, Success, example, failures, success
from langgraph_multi_agent.api.mvp2.shapes import task_object
from langgraph_multi_agent.api.problems import UnsupportedMediaType
from langgraph_multi_agent.domain import errors as faults
from langgraph_multi_agent.domain.task import Task
from langgraph_multi_agent.i18n import text
from langgraph_multi_agent.service.archive import ImportUnreadable
from langgraph_multi_agent.service.transfer import VERSION, ImportVersionUnknown, chunks

router = ruled_router(tags=["mvp2"])

Moment = Annotated[datetime, Field(examples=[samples.MOMENT])]
EXPORT: dict[str, Any] = {
    "version": VERSION,
    "export_date": samples.MOMENT,
    "tasks": [
        {
            "id": samples.TASK_ID,
            "name": "华东区销售分析",
            "description": "分析 sales.csv 中各地区的销售趋势。",
            "priority": "高",
            "status": "completed",
            "progress": 100,
            "created_at": samples.MOMENT,
            "updated_at": samples.MOMENT,
        }
    ],
    "chat_history": [
        {"type": "user", "content": "分析销售数据", "sender": "local", "timestamp": samples.MOMENT}
    ],
    "user_settings": {"language": "zh"},
}
COUNTS: dict[str, Any] = {"imported_counts": {"tasks": 1, "messages": 1, "settings": 1}}


class ExportedTask(Answer):
    """The contract's task object; `core` restores what it does not say. More keys may be there."""

    model_config = ConfigDict(extra="allow")

    id: str
    name: str
    description: str
    priority: str
    status: str
    progress: int
    created_at: Moment
    updated_at: Moment


class ExportedMessage(Answer):
    """A message of the person's conversation."""

    model_config = ConfigDict(extra="allow")

    type: str
    content: str
    sender: str
    timestamp: Moment


class ExportModel(Answer):
    """All tasks, the person's conversation and settings, at one moment."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [EXPORT]})

    version: str
    export_date: Moment
    tasks: list[ExportedTask]
    chat_history: list[ExportedMessage]
    user_settings: dict[str, Any]


class ImportedCounts(Answer):
    """How much was new, or, of settings, different."""

    tasks: int
    messages: int
    settings: int


class ImportModel(Answer):
    """What an import did."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [COUNTS]})

    imported_counts: ImportedCounts
    ignored: list[str] | None = Field(
        default=None, description="Places of the document that mean nothing here and were left out, if there are any."
    )


@router.get(
    "/api/v1/mvp2/export",
    response_model=Success[ExportModel],
    summary="Export tasks, conversation and settings",
    description="Streamed from one consistent snapshot.",
    responses={
        **failures(faults.DependencyUnavailable),
        **example(EXPORT, "mvp2.transfer.exported", description="The document"),
    },
)
@needs(Permission.DATA_EXPORT)
async def export(services: ServicesOf, scope: ScopeOf, language: Language) -> Response:
    def shape(task: Task) -> dict[str, Any]:
        return task_object(task, language)

    document = await services.transfer.export(scope, shape)
    head = {"success": True, "message": text("mvp2.transfer.exported", language), "timestamp": services.clock.now()}
    day = services.clock.now().date().isoformat()
    return StreamingResponse(
        _enveloped(head, document),
        media_type=JSON,
        headers={
            "cache-control": "no-store",
            "content-disposition": f'attachment; filename="lgma-export-{day}.json"',
        },
    )


@router.post(
    "/api/v1/mvp2/import",
    response_model=Success[ImportModel],
    summary="Import an export",
    description="All or nothing; what is here already stays as it is, so importing twice is the same as once. "
    "Unfinished tasks arrive paused and run only when they are resumed.",
    responses={
        **failures(
            ImportUnreadable,
            ImportVersionUnknown,
            faults.InvalidRequest,
            faults.InputTooLarge,
            faults.DataRefused,
            faults.ImportUnderWay,
            faults.QuotaExceeded,
            faults.DependencyUnavailable,
            UnsupportedMediaType,
        ),
        **example(
            COUNTS, "mvp2.transfer.imported", description="What was imported", tasks=1, messages=1, settings=1
        ),
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                JSON: {
                    "schema": {"type": "object", "description": "What the export gives, with its envelope or without."},
                    "examples": {"default": {"value": EXPORT}},
                }
            },
        }
    },
)
@needs(Permission.DATA_IMPORT)
async def import_(request: Request, services: ServicesOf, scope: ScopeOf, language: Language) -> Response:
    if media_type_of(request) != JSON:
        raise UnsupportedMediaType(media_type=media_type_of(request) or "-", supported=JSON)
    done = await services.transfer.import_(scope, request.stream())
    counts: dict[str, Any] = {"tasks": done.tasks, "messages": done.messages, "settings": done.settings}
    key = "mvp2.transfer.imported" if any(counts.values()) else "mvp2.transfer.unchanged"
    answer: dict[str, Any] = {"imported_counts": counts}
    now = services.clock.now()
    if not done.ignored:
        return success(answer, key, language, now=now, **counts)
    answer["ignored"] = done.ignored
    sentence, places = text(key, language, **counts), ", ".join(done.ignored)
    return success(answer, "mvp2.transfer.ignored", language, now=now, done=sentence, places=places)


async def _enveloped(head: dict[str, Any], document: BinaryIO) -> AsyncIterator[bytes]:
    yield orjson.dumps(head, option=orjson.OPT_UTC_Z)[:-1] + b',"data":'
    async for chunk in chunks(document):
        yield chunk
    yield b"}"
