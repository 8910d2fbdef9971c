"""What a file is on the wire: its media type, its name in a header, how safe it is to show, parts of it."""

import re
from pathlib import PurePath
from urllib.parse import quote

from langgraph_multi_agent.api.problems import RangeNotSatisfiable

OCTETS = "application/octet-stream"
TYPES = {
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
    ".txt": "text/plain",
    ".md": "text/markdown",
    ".markdown": "text/markdown",
    ".html": "text/html",
    ".htm": "text/html",
    ".json": "application/json",
    ".jsonl": "application/x-ndjson",
    ".ndjson": "application/x-ndjson",
    ".parquet": "application/vnd.apache.parquet",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".svg": "image/svg+xml",
    ".css": "text/css",
    ".js": "text/javascript",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
}
_TYPE = re.compile(r"[\w!#$&^.+-]{1,64}/[\w!#$&^.+-]{1,64}( *;[\x20-\x7e]{0,100})?", re.ASCII)
"""RFC 9110, section 8.3.1: what teams and imports say of their files is theirs."""
SHOWN = frozenset(
    {"text/html", "text/plain", "text/markdown", "text/csv", "text/tab-separated-values"}
    | {"application/json", "application/pdf", "image/png", "image/jpeg", "image/svg+xml"}
)
"""Types that a browser may show in place; all others are offered for download."""
ACTIVE = frozenset({"text/html", "application/xhtml+xml", "image/svg+xml", "text/xml", "application/xml"})
"""Types that could carry scripts: they are shown in a sandbox."""
SANDBOX = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"


def media_type_of_name(name: str) -> str:
    """By the end of the name only: the system's own tables differ from machine to machine."""
    return TYPES.get(PurePath(name).suffix.lower(), OCTETS)


def header_type(media_type: str) -> str:
    """The type as it may stand in a header; a text that is none is that of mere octets."""
    return media_type if _TYPE.fullmatch(media_type) else OCTETS


def base_type(media_type: str) -> str:
    """The type without its parameters."""
    return media_type.partition(";")[0].strip().lower()


def content_disposition(name: str, *, as_download: bool) -> str:
    """RFC 6266: the name in UTF-8, and an ASCII form for old clients."""
    plain = "".join(
        char if char.isascii() and char.isprintable() and char not in '"\\' else "_" for char in name
    )
    kind = "attachment" if as_download else "inline"
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


_RANGE = re.compile(r"(\d{1,18})-(\d{0,18})|-(\d{1,18})", re.ASCII)


def wanted_ranges(header: str, size_bytes: int) -> str | None:
    """What a Range header asks of a file, as far as the file goes.

    None for one that is not understood: it is as if it were not there (RFC 9110, section 14.2).

    Raises:
        RangeNotSatisfiable: it asks for nothing that the file has.
    """
    unit, _, wanted = header.partition("=")
    if unit.strip().lower() != "bytes":
        return None
    kept = []
    for item in wanted.split(","):
        found = _RANGE.fullmatch(item.strip())
        if found is None or (found[2] and int(found[1]) > int(found[2])):
            return None
        if int(found[1]) < size_bytes if found[1] else int(found[3]) and size_bytes:
            kept.append(found[0])
    if not kept:
        raise RangeNotSatisfiable(range=header[:100], size=size_bytes)
    return f"bytes={','.join(kept)}"
