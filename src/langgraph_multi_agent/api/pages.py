"""What browsers load: the packaged front end, its configuration, and a plain list of the API.

Hides where the files lie, and that every address of the front end is the same document. Invariant:
nothing comes from another host, no page runs inline scripts, and a path never leaves the directory.
"""

import asyncio
import html
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from langgraph_multi_agent.api.auth.rules import KNOWN, PUBLIC, needs, ruled_router
from langgraph_multi_agent.api.context import Language, language_of_connection
from langgraph_multi_agent.api.documents import problems
from langgraph_multi_agent.api.media import media_type_of_name
from langgraph_multi_agent.api.problems import Json, is_api
from langgraph_multi_agent.i18n import LANGUAGES, text

router = ruled_router(tags=["system"])

WEB = Path(__file__).parent.parent / "web"
POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}
HASHED = "/assets/"
"""Files under here carry a hash in their name and never change."""
INDEX = "index.html"
PLACES = ("tasks", "chat", "agents", "analytics", "system", "settings", "login")
"""First parts of the front end's own addresses; `web/src/routes.tsx` has the rest of each."""
BUILD = "make web"
API_CONFIG = {
    "BASE_URL": "/api/v1/mvp2",
    "WS_URL": "/api/v1/mvp2/ws",
    "TIMEOUT": 10000,
    "RETRY_ATTEMPTS": 3,
}


class Pages:
    """The packaged front end: answers for every path that no route knows."""

    def __init__(self, directory: Path = WEB) -> None:
        self._files = StaticFiles(directory=directory, html=True, check_dir=False)
        self._directory = directory

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": ""})
            return
        if is_api(scope["path"]):
            raise HTTPException(404)
        is_built = (self._directory / INDEX).is_file()
        if not is_built and not _wants_page(scope):
            raise HTTPException(404)
        if scope["method"] not in ("GET", "HEAD"):
            raise HTTPException(405, headers={"allow": "GET, HEAD, OPTIONS"})
        response = await self._answer(scope) if is_built else _unbuilt(scope)
        scope.setdefault("state", {})["route"] = "static"
        for name, value in HEADERS.items():
            response.headers[name] = value
        known = media_type_of_name(scope["path"])
        if response.status_code == 200 and "content-type" in response.headers and known.startswith("text/"):
            response.headers["content-type"] = f"{known}; charset=utf-8"
        response.headers["cache-control"] = (
            "public, max-age=31536000, immutable" if scope["path"].startswith(HASHED) else "no-cache"
        )
        await response(scope, receive, send)

    async def _answer(self, scope: Scope) -> Response:
        """A file, or the front end's document for its own addresses. Raises HTTPException."""
        path = self._files.get_path(scope)
        if "\x00" in path:
            raise HTTPException(404)
        is_place = scope["path"].strip("/").split("/")[0] in PLACES
        try:
            response = await self._files.get_response(INDEX if is_place else path, scope)
        except HTTPException as missing:
            if missing.status_code != 404:
                raise
            response = Response(status_code=404)
        if response.status_code != 404:
            return response
        # The document says in its own frame that there is no such page.
        if not _wants_page(scope) or scope["path"].startswith(HASHED):
            raise HTTPException(404)
        response = await self._files.get_response(INDEX, scope)
        if response.status_code == 200:
            response.status_code = 404
        return response


def _wants_page(scope: Scope) -> bool:
    """Whether a person's browser asks, rather than a program or a page for one of its parts."""
    return scope["method"] in ("GET", "HEAD") and "text/html" in Headers(scope=scope).get("accept", "")


def _unbuilt(scope: Scope) -> Response:
    """Says in both languages how to make the pages, the reader's first."""
    first = language_of_connection(HTTPConnection(scope))
    languages = sorted(LANGUAGES, key=lambda one: one != first)
    command = f"<code>{BUILD}</code>"
    parts = "".join(
        f'<section lang="{one}"><h1>{html.escape(text("pages.unbuilt", one))}</h1>'
        f"<p>{html.escape(text('pages.unbuilt_do', one, command='{}')).format(command)}</p>"
        f'<p><a href="/docs">{html.escape(text("page.docs", one))}</a></p></section>'
        for one in languages
    )
    page = (
        f'<!doctype html><html lang="{first}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{html.escape(text('pages.unbuilt', first))}</title></head><body><main>{parts}</main></body></html>"
    )
    return HTMLResponse(page, status_code=503, headers={"retry-after": "60"})


@router.get(
    "/config.js",
    summary="Configuration of the front end",
    description="Defines `window.API_CONFIG`; the embedded server gives URLs relative to itself.",
    response_class=Response,
    responses={
        **problems(),
        200: {
            "description": "A script",
            "content": {
                "text/javascript": {
                    "schema": {"type": "string"},
                    "examples": {"default": {"value": f"window.API_CONFIG = {json.dumps(API_CONFIG)};\n"}},
                }
            },
        },
    },
)
@needs(PUBLIC)
async def get_configuration() -> Response:
    body = f"window.API_CONFIG = {json.dumps(API_CONFIG, indent=2)};\n"
    return Response(body, media_type="text/javascript", headers={"cache-control": "no-cache"})


@router.get("/openapi.json", include_in_schema=False)
@needs(KNOWN)
async def get_document(request: Request) -> Response:
    app: FastAPI = request.app
    return Json(await asyncio.to_thread(app.openapi), headers={"cache-control": "no-cache"})


@router.get("/docs", include_in_schema=False)
@needs(KNOWN)
async def get_reference(request: Request, language: Language) -> Response:
    app: FastAPI = request.app
    page = reference_page(await asyncio.to_thread(app.openapi), language)
    return HTMLResponse(page, headers={**HEADERS, "cache-control": "no-cache"})


def reference_page(document: Mapping[str, Any], language: str) -> str:
    """The OpenAPI document as a page that needs neither script nor network."""
    groups: dict[str, list[str]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            words = html.escape(operation.get("description", ""))
            codes = ", ".join(sorted(operation["responses"]))
            groups.setdefault(operation["tags"][0], []).append(
                f"<dt><code>{method.upper()} {html.escape(path)}</code> {html.escape(operation['summary'])}</dt>"
                f"<dd>{words} <small>{codes}</small></dd>"
            )
    title = html.escape(f"{document['info']['title']} · {text('page.docs', language)}")
    lead = html.escape(text("page.docs_lead", language))
    body = "".join(f"<h2>{html.escape(tag)}</h2><dl>{''.join(items)}</dl>" for tag, items in groups.items())
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title></head>'
        f'<body><h1>{title}</h1><p>{lead} <a href="/openapi.json">/openapi.json</a></p>{body}</body></html>'
    )
