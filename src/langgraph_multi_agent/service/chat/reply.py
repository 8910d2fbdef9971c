"""What is answered, before it is stored; the links that an answer carries; and what an import may bring of both.

Invariant: a link is a path of our own front end.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from langgraph_multi_agent.domain.errors import Fault, ModelRequired
from langgraph_multi_agent.domain.task import Task, TaskDraft
from langgraph_multi_agent.i18n import LANGUAGES, text
from langgraph_multi_agent.i18n.errors import describe

PAGES = {
    "tasks": "/tasks",
    "new_task": "/tasks/new",
    "agents": "/agents",
    "analytics": "/analytics",
    "system": "/system",
    "settings": "/settings",
}
OWN_ADDRESS = re.compile(r"/(?!/)[A-Za-z0-9_/-]*")
MAX_WORD_CHARS = 200
_CITATION = ("id", "source", "title", "locator", "anchor", "quote")
_LINK = ("kind", "label", "href")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer.

    Attributes:
        draft: the task that is to be made with it.
        request_id: the message that asked for that task, if it is not the one that is answered.
        offer: the request that a yes would make a task of.
        more: further `data` of the answer: which model, what it cost.
    """

    content: str
    citations: tuple[Mapping[str, Any], ...] = ()
    links: tuple[Mapping[str, Any], ...] = ()
    draft: TaskDraft | None = None
    request_id: str | None = None
    offer: str | None = None
    offer_title: str | None = None
    more: Mapping[str, Any] | None = None


def page_link(page: str, language: str) -> dict[str, str]:
    """A link to a page by its name in `PAGES`."""
    return {"kind": "page", "label": text(f"chat.link.{page}", language), "href": PAGES[page]}


def task_link(task: Task) -> dict[str, str]:
    """A link to a task's page."""
    return {"kind": "task", "label": task.title, "href": task_path(task.id)}


def task_path(task_id: str) -> str:
    return f"/tasks/{task_id}"


def refused(refusal: Fault, language: str) -> Reply:
    """Why no task was made, and what to do."""
    words = describe(refusal.code, refusal.params, language, errors=refusal.errors)
    lines = [text("chat.refused", language, detail=words.detail), *filter(None, [words.hint])]
    links = [page_link("tasks", language)]
    if isinstance(refusal, ModelRequired):
        lines.append(text("chat.refused.files", language))
        links = [page_link("new_task", language), page_link("settings", language)]
    return Reply(content="\n".join(lines), links=tuple(links), more={"refused": refusal.code})


def checked_data(data: Mapping[str, Any]) -> dict[str, Any]:
    """The `data` of a message that came with an import, as far as it has the shapes of ours; the rest is left out."""
    words = ("intent", "answer_id", "asked", "refused", "model")
    kept = {name: data[name] for name in words if _is_word(data.get(name))}
    if "citations" in data:
        kept["citations"] = _texts_of(data["citations"], _CITATION)
    if "links" in data:
        links = _texts_of(data["links"], _LINK)
        kept["links"] = [
            link for link in links if link["kind"] in ("task", "page") and OWN_ADDRESS.fullmatch(link["href"])
        ]
    if "offer" in data:
        offer = data["offer"]
        kept["offer"] = offer if _is_offer(offer) else None
    cost = data.get("cost")
    if isinstance(cost, dict) and all(isinstance(number, (int, float)) for number in cost.values()):
        kept["cost"] = cost
    return kept


def _is_word(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= MAX_WORD_CHARS


def _texts_of(items: Any, names: tuple[str, ...]) -> list[dict[str, str]]:
    """The objects that have a text under each of these names, with nothing else."""
    found = items if isinstance(items, list) else []
    return [
        {name: item[name] for name in names}
        for item in found
        if isinstance(item, dict) and all(isinstance(item.get(name), str) for name in names)
    ]


def _is_offer(offer: Any) -> bool:
    return (
        isinstance(offer, dict)
        and isinstance(offer.get("request"), str)
        and bool(offer["request"].strip())
        and _is_word(offer.get("request_id"))
        and offer.get("language") in LANGUAGES
        and (offer.get("title") is None or isinstance(offer["title"], str))
    )
