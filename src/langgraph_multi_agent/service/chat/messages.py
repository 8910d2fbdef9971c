"""Messages as they are stored, shown, and sent over the feed.

Callers: `conversation`, the API. Invariant: what a socket shows is a message of the contract, whole or
marked `is_partial`.
"""

from typing import Any

import orjson

from langgraph_multi_agent.domain.task import Task
from langgraph_multi_agent.i18n import text
from langgraph_multi_agent.service.chat.answers import Asked
from langgraph_multi_agent.service.chat.intents import Kind
from langgraph_multi_agent.service.chat.reply import Reply, task_link, task_path
from langgraph_multi_agent.store.chats import AnswerWords, ChatMessage

MAX_FRAME_BYTES = 12_000
"""The feed carries 16 KiB; of a longer message its beginning is shown at once, marked `is_partial`."""
FRAME_CHARS = 1_500


def message_json(message: ChatMessage) -> dict[str, Any]:
    """A message as the contract names it, with the additive keys of our own front end."""
    data = message.data
    return {
        "id": message.id,
        "type": message.type,
        "content": message.content,
        "sender": message.sender,
        "timestamp": message.created_at.isoformat(),
        "task_id": message.task_id,
        "citations": list(data.get("citations", ())),
        "links": list(data.get("links", ())),
        "offer": (data.get("offer") or {}).get("request"),
    }


def frame(message: ChatMessage) -> dict[str, Any]:
    """A message as the feed carries it."""
    shown = message_json(message)
    if len(orjson.dumps(shown)) > MAX_FRAME_BYTES:
        shown |= {
            "content": shown["content"][:FRAME_CHARS],
            "citations": [],
            "offer": None,
            "is_partial": True,
        }
    return shown


def words_of(asked: Asked, reply: Reply, task: Task | None, *, is_new: bool) -> AnswerWords:
    """The answer as it is stored; what it says of a task is known only now."""
    content, links = reply.content, list(reply.links)
    offer = None
    if task is not None:
        key = "chat.made" if is_new else "chat.made.before"
        language = _language_of(asked)
        said = text(key, language, title=task.title, path=task_path(task.id))
        content = f"{content}\n{said}" if content else said
        links = [task_link(task), *links]
    if reply.offer is not None:
        offer = {
            "request": reply.offer,
            "title": reply.offer_title,
            "request_id": asked.message_id,
            "language": asked.language,
        }
    data = {
        "intent": asked.intent.kind.value,
        "citations": [dict(item) for item in reply.citations],
        "links": [dict(item) for item in links],
        "offer": offer,
        **(reply.more or {}),
    }
    return AnswerWords(content=content, data=data, sender=text("chat.sender", asked.language))


def _language_of(asked: Asked) -> str:
    """Of the offer that a yes answers, since “ok” is no language; else of the message."""
    offer = asked.offered
    is_yes = offer is not None and asked.intent.kind is Kind.CONFIRM
    return str(offer["language"]) if offer is not None and is_yes else asked.language
