"""What nginx says itself, in the form of the API's own errors: a problem, or the envelope of the MVP2 adapter.

Called by `render.py`; imports nothing but Python. Invariant: both languages, both forms and the headers that
the API sends are there for every answer.
"""

import json
from collections.abc import Mapping

Words = tuple[str, str, str]

UNREACHABLE_RETRY_S = 5
CROWDED_RETRY_S = 5

ANSWERS: Mapping[str, tuple[str, int]] = {
    "too_large": ("INPUT_TOO_LARGE", 413),
    "upload_too_large": ("INPUT_TOO_LARGE", 413),
    "not_allowed": ("METHOD_NOT_ALLOWED", 405),
    "crowded": ("TOO_MANY_CONNECTIONS", 429),
    "unreachable": ("API_UNREACHABLE", 503),
    "maintenance": ("MAINTENANCE", 503),
}
"""name of the location → error code, status."""

WORDS: Mapping[str, Mapping[str, Words]] = {
    "too_large": {
        "zh": (
            "内容过大",
            "这次请求的内容超过了服务允许的大小（上限 {body_limit}）。",
            "请减小内容；大的数据作为文件随任务提交，或由管理员调高 MAX_BODY_BYTES。",
        ),
        "en": (
            "Too large",
            "The body of this request is larger than the service allows (limit {body_limit}).",
            "Make it smaller; send large data as a file of a task, or have an administrator raise MAX_BODY_BYTES.",
        ),
    },
    "upload_too_large": {
        "zh": (
            "内容过大",
            "这次上传超过了服务允许的大小（上限 {upload_limit}）。",
            "请减小内容、拆成多个文件，或由管理员调高 MAX_INPUT_BYTES。",
        ),
        "en": (
            "Too large",
            "This upload is larger than the service allows (limit {upload_limit}).",
            "Make it smaller, split it, or have an administrator raise MAX_INPUT_BYTES.",
        ),
    },
    "not_allowed": {
        "zh": ("不支持这个方法", "这个地址是网页，只能读取。", "请用 GET；接口在 /api/v1 下，说明见 /docs。"),
        "en": (
            "Method not allowed",
            "This address is a page: it can only be read.",
            "Use GET; the API is under /api/v1, its description is at /docs.",
        ),
    },
    "crowded": {
        "zh": (
            "同时打开的连接过多",
            "您的网络地址同时打开的连接已达到上限（{connection_limit}）。",
            "请关闭不用的页面或程序，稍后重试；多人共用一个地址时，请管理员调高 MAX_CONNECTIONS。",
        ),
        "en": (
            "Too many connections",
            "Your network address has as many connections open as it may ({connection_limit}).",
            "Close what you do not use and try again, or have an administrator raise MAX_CONNECTIONS.",
        ),
    },
    "unreachable": {
        "zh": (
            "服务暂时没有响应",
            "任务服务此刻没有应答，可能正在重启。已接收的任务不会丢失。",
            "请稍后重试；重复提交时带上同一个 Idempotency-Key，就只会执行一次。",
        ),
        "en": (
            "The service does not answer",
            "The task service gives no answer at the moment; it may be restarting. Accepted tasks are not lost.",
            "Try again in a moment; a submission repeated under its Idempotency-Key is carried out once.",
        ),
    },
    "maintenance": {
        "zh": (
            "系统维护中",
            "系统正在维护，暂不接受请求。已接收的任务不会丢失。",
            "请按 Retry-After 给出的秒数重试。",
        ),
        "en": (
            "Maintenance",
            "The system is being maintained and takes no requests. Accepted tasks are not lost.",
            "Try again after the seconds that Retry-After gives.",
        ),
    },
}
"""name of the location → language → title, detail, hint."""


def answers(values: Mapping[str, str]) -> tuple[str, str]:
    """nginx's own errors: maps for http, and named locations for each server.

    Args:
        values: the checked variables of `render.py`.
    """
    headers = {
        "not_allowed": "Allow 'GET, HEAD'",
        "crowded": f"Retry-After {CROWDED_RETRY_S}",
        "unreachable": f"Retry-After {UNREACHABLE_RETRY_S}",
        "maintenance": f"Retry-After {values['MAINTENANCE_RETRY_S']}",
    }
    maps, locations = [], []
    for name, (code, status) in ANSWERS.items():
        said = {language: _filled(words, values, language) for language, words in WORDS[name].items()}
        for shape, media_type, bodies in (
            ("problem", "application/problem+json", {k: _problem(code, status, v) for k, v in said.items()}),
            ("envelope", "application/json", {k: _envelope(code, v) for k, v in said.items()}),
        ):
            maps.append(f"map $language ${name}_{shape} {{")
            for language, body in bodies.items():
                text = json.dumps(body, ensure_ascii=False).replace("\\", "\\\\").replace("'", "\\'")
                maps.append(f"    {'default' if language == 'zh' else language} '{text}';")
            maps.append("}")
            header = f"    add_header {headers[name]} always;\n" if name in headers else ""
            locations.append(
                f"location @{name}_{shape} {{\n    types {{ }}\n    default_type {media_type};\n"
                f"    include hsts.conf;\n    add_header Cache-Control no-store always;\n{header}"
                "    add_header Vary Accept-Language always;\n"
                "    add_header X-Content-Type-Options nosniff always;\n"
                "    add_header X-Request-ID $safe_request_id always;\n"
                f"    return {status} ${name}_{shape};\n}}"
            )
    return "\n".join(maps) + "\n", "\n\n".join(locations) + "\n"


def _filled(words: Words, values: Mapping[str, str], language: str) -> Words:
    limits = {
        "body_limit": _size(int(values["MAX_BODY_BYTES"]), language),
        "upload_limit": _size(int(values["MAX_INPUT_BYTES"]), language),
        "connection_limit": values["MAX_CONNECTIONS"],
    }
    title, detail, hint = (word.format(**limits) for word in words)
    return title, detail, hint


def _size(count: int, language: str) -> str:
    for unit, factor in (("GB", 1024**3), ("MB", 1024**2), ("kB", 1024)):
        if count >= factor:
            return f"{count / factor:.4g} {unit}"
    return f"{count} 字节" if language == "zh" else f"{count} bytes"


def _problem(code: str, status: int, words: Words) -> dict[str, object]:
    title, detail, hint = words
    return {
        "type": f"urn:lgma:problem:{code.lower().replace('_', '-')}",
        "title": title,
        "status": status,
        "code": code,
        "detail": detail,
        "hint": hint,
        "errors": [],
        "instance": "$instance",
        "request_id": "$safe_request_id",
    }


def _envelope(code: str, words: Words) -> dict[str, object]:
    title, detail, hint = words
    return {
        "success": False,
        "error_code": code,
        "message": detail,
        "details": {"title": title, "hint": hint, "errors": [], "request_id": "$safe_request_id"},
        "timestamp": "$time_iso8601",
    }
