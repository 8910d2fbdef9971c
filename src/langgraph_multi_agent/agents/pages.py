"""Pages of the web that a person's request names: read, or told as not read.

Called by agents that hand material to a model. Hides how addresses stand in prose. Invariant: only the
request's own words name what is opened, never a document's or a model's; a page that could not be read
is told with its reason, and nothing stands in for it.
"""

import re
from collections.abc import Sequence
from typing import Any

from langgraph_multi_agent.agents.contract import Work
from langgraph_multi_agent.domain.errors import (
    Fault,
    InvalidRequest,
    LimitExceeded,
    OutgoingFailed,
    OutgoingOff,
    OutgoingRefused,
    OutgoingTooLarge,
    PageUnreadable,
    SkillFailed,
)
from langgraph_multi_agent.i18n import text
from langgraph_multi_agent.i18n.errors import describe

TOOL = "fetch_page"
MAX_PAGES = 5
_ADDRESS = re.compile(r"https?://[A-Za-z0-9\-._~:/?#\[\]@!$&()*+,;=%]+", re.IGNORECASE)
_ENDS_SENTENCE = ".,;:!?"
_OPENED_BY = {")": "(", "]": "["}
_NOT_READ = (
    InvalidRequest,
    LimitExceeded,
    OutgoingFailed,
    OutgoingOff,
    OutgoingRefused,
    OutgoingTooLarge,
    PageUnreadable,
    SkillFailed,
)


def addresses_of(request: str) -> list[str]:
    """Addresses in prose, each once, in order; what ends a sentence or closes a bracket is not theirs."""
    found = [_without_end(match[0]) for match in _ADDRESS.finditer(request)]
    return [address for address in dict.fromkeys(found) if not address.endswith("//")]


def _without_end(address: str) -> str:
    """Up to what ends the sentence, and without brackets that the prose around it opened."""
    unopened = {last: address.count(last) - address.count(first) for last, first in _OPENED_BY.items()}
    end = len(address)
    while (last := address[end - 1]) in _ENDS_SENTENCE or unopened.get(last, 0) > 0:
        if last in unopened:
            unopened[last] -= 1
        end -= 1
    return address[:end]


async def read_pages(work: Work, *, limit: int) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """The pages that the request names, and what of them was not read.

    Args:
        limit: characters of all pages together.

    Returns:
        Pages, each `{"address", "title", "text"}`, and gaps, each `{"title", "reason"}`.
    """
    language = work.understanding.language
    pages: list[dict[str, str]] = []
    gaps: list[dict[str, str]] = []
    addresses = addresses_of(work.request)
    left = limit
    for address in addresses[:MAX_PAGES]:
        if left <= 0:
            gaps.append(_gap(address, text("outgoing.page.no_room", language)))
            continue
        try:
            page = await work.tool(TOOL, {"address": address, "limit": left})
        except _NOT_READ as fault:
            gaps.append(_gap(address, _told(fault, language)))
            continue
        left -= len(page["text"])
        pages.append({name: str(page[name]) for name in ("address", "title", "text")})
        if page["is_cut"]:
            read, total = f"{len(page['text']):,}", f"{page['characters']:,}"
            gaps.append(_gap(address, text("outgoing.page.cut", language, read=read, total=total)))
    gaps += _too_many(addresses[MAX_PAGES:], language)
    return pages, gaps


def _too_many(addresses: Sequence[str], language: str) -> list[dict[str, str]]:
    return [_gap(address, text("outgoing.page.too_many", language, limit=MAX_PAGES)) for address in addresses]


def _told(fault: Fault, language: str) -> str:
    # A program that embeds the system without the tool opens nothing either.
    code = OutgoingOff.code if isinstance(fault, InvalidRequest) else fault.code
    params: dict[str, Any] = {} if isinstance(fault, InvalidRequest) else fault.params
    return describe(code, params, language).detail


def _gap(address: str, reason: str) -> dict[str, str]:
    return {"title": address if len(address) <= 120 else address[:119] + "…", "reason": reason}
