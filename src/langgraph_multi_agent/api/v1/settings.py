"""A person's settings of the front end, and what there is to know of the language model."""

from typing import Any

from fastapi import Request
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

from langgraph_multi_agent.api import samples
from langgraph_multi_agent.api.auth.rules import KNOWN, needs, ruled_router
from langgraph_multi_agent.api.body import read_json
from langgraph_multi_agent.api.chat_models import Currency, Density, LanguageName, SettingsRequest, Theme
from langgraph_multi_agent.api.context import ScopeOf, ServicesOf
from langgraph_multi_agent.api.documents import example, json_body, problems
from langgraph_multi_agent.api.problems import NO_STORE, Json, MalformedJson, UnsupportedMediaType
from langgraph_multi_agent.domain import errors as faults

router = ruled_router(tags=["settings"])

SETTINGS: dict[str, Any] = {"language": "zh", "theme": "dark", "density": "comfortable", "currency": "CNY"}
MODEL: dict[str, Any] = {
    "is_configured": True,
    "provider": "openai",
    "model": "qwen3-32b",
    "fallback_model": samples.NULL,
    "agent_models": {"writer": "qwen3-235b"},
}


class SettingsModel(BaseModel):
    """All settings of the person who asks."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [SETTINGS]})

    language: LanguageName
    theme: Theme
    density: Density
    currency: Currency


class ModelStatus(BaseModel):
    """Which language model is configured; never a key or an address."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [MODEL]})

    is_configured: bool
    provider: str | None
    model: str | None
    fallback_model: str | None
    agent_models: dict[str, str]


@router.get(
    "/api/v1/settings",
    response_model=SettingsModel,
    summary="Read your settings",
    responses={**problems(faults.DependencyUnavailable), **example(200, "All settings", SETTINGS)},
)
@needs(KNOWN)
async def get_settings(services: ServicesOf, scope: ScopeOf) -> Response:
    return Json(await services.preferences.read(scope), headers=NO_STORE)


@router.put(
    "/api/v1/settings",
    response_model=SettingsModel,
    summary="Change your settings",
    responses={
        **problems(
            faults.InvalidRequest,
            faults.InputTooLarge,
            faults.DependencyUnavailable,
            MalformedJson,
            UnsupportedMediaType,
        ),
        **example(200, "All settings", SETTINGS),
    },
    openapi_extra=json_body(SettingsRequest),
)
@needs(KNOWN)
async def change_settings(request: Request, services: ServicesOf, scope: ScopeOf) -> Response:
    body = await read_json(request, SettingsRequest, limit=services.settings.max_body_bytes)
    return Json(
        await services.preferences.change(scope, body.model_dump(include=body.model_fields_set)),
        headers=NO_STORE,
    )


@router.get(
    "/api/v1/settings/model",
    response_model=ModelStatus,
    summary="Which language model is configured",
    responses={**problems(), **example(200, "The model", MODEL)},
)
@needs(KNOWN)
async def get_model_status(services: ServicesOf) -> Response:
    settings = services.settings
    body = {
        "is_configured": settings.has_model,
        "provider": settings.llm_provider if settings.has_model else None,
        "model": settings.llm_model,
        "fallback_model": settings.llm_fallback_model if settings.has_model else None,
        "agent_models": dict(settings.llm_models) if settings.has_model else {},
    }
    return Json(body, headers=NO_STORE)
