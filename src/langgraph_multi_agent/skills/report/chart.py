"""Charts as `data:` images inside the report.

Called by the HTML rendering. Invariant: what is inlined is a PNG or an SVG without active or
external content; everything else is left out. (Inside `<img>` browsers run no scripts and load
nothing either; this is the second lock.)
"""

import base64
import re

MAX_CHART_BYTES = 2 * 1024 * 1024
_PNG = b"\x89PNG\r\n\x1a\n"
_ACTIVE = re.compile(
    rb"<\s*(?:script|foreignObject|iframe|object|embed|animate|set|handler)\b|<!ENTITY|\son\w+\s*=|javascript:"
    rb"|@import|(?:href|src)\s*=\s*[\"'](?!#|data:image/(?:png|jpeg);)|url\(\s*[\"']?(?!#)",
    re.IGNORECASE,
)
_PROLOGUE = re.compile(
    rb"\A(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*\?>)?\s*(?:<!DOCTYPE[^>\[]*>)?\s*(?:<!--.*?-->\s*)*(?=<svg\b)",
    re.DOTALL,
)
_COMMENT = re.compile(rb"<!--.*?-->", re.DOTALL)
_METADATA = re.compile(rb"<metadata>.*?</metadata>", re.DOTALL)


def inlined(content: bytes) -> str | None:
    """The `data:` URL of a chart, or None if it is too large or not harmless."""
    if len(content) > MAX_CHART_BYTES:
        return None
    if content.startswith(_PNG):
        return "data:image/png;base64," + base64.b64encode(content).decode()
    bare, found = _PROLOGUE.subn(b"", content, count=1)
    if not found:
        return None
    bare = _METADATA.sub(b"", _COMMENT.sub(b"", bare))
    if _ACTIVE.search(bare):
        return None
    return "data:image/svg+xml;base64," + base64.b64encode(bare).decode()
