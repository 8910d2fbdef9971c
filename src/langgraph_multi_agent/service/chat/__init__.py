"""The conversation with the MetaAgent.

Hides who answers: questions on the state of things come from the services, the rest from the model if
there is one, else from fixed rules. Callers: the API, `service.transfer`. Invariant: a message is stored
with its answer and the task it made in one transaction, and a task is made of a plain order or a yes.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import orjson
import structlog

from langgraph_multi_agent import handbook
from langgraph_multi_agent.access import Scope
from langgraph_multi_agent.agents.request import language_of_request, unknown_files
from langgraph_multi_agent.domain.errors import (
    DataRefused,
    DependencyUnavailable,
    Draining,
    Fault,
    InvalidRequest,
    ModelRequired,
    QueueFull,
)
from langgraph_multi_agent.domain.ports import Feed, Model, NewId
from langgraph_multi_agent.domain.task import Task, TaskDraft
from langgraph_multi_agent.i18n import text
from langgraph_multi_agent.i18n.errors import describe
from langgraph_multi_agent.service.agents import AgentService
from langgraph_multi_agent.service.channels import chat_topic
from langgraph_multi_agent.service.chat.intents import READ_CHARS, STATUS_KINDS, Intent, Kind, read_intent
from langgraph_multi_agent.service.chat.model import DEADLINE_S, NOT_USABLE, ModelWords, ask_model
from langgraph_multi_agent.service.chat.passages import find_passages
from langgraph_multi_agent.service.chat.reply import Reply, page_link, task_link, task_path
from langgraph_multi_agent.service.chat.status import StatusAnswers
from langgraph_multi_agent.service.health import HealthService
from langgraph_multi_agent.service.tasks import TaskService
from langgraph_multi_agent.store import chats
from langgraph_multi_agent.store.chats import AnswerWords, ChatMessage, Exchange, NewTask
from langgraph_multi_agent.store.database import Database

MAX_CONTENT_CHARS = 8_000
MAX_PAGE = 200
REMEMBERED = 12
TITLE_CHARS = 80
SHOWN_OFFER_CHARS = 300
MAX_FRAME_BYTES = 12_000
"""The feed carries 16 KiB; of a longer message its beginning is shown at once, marked `is_partial`."""
FRAME_CHARS = 1_500
ASKED_WHAT = "what"
"""Recorded with an answer that asked what exactly is to be done."""
_NAMESPACE = uuid.UUID("6f1d3f0c-55a4-4c53-9d3c-0a3a5f0b7f11")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryPage:
    """Messages, the oldest of the page first; `total` is how many there are in all."""

    messages: tuple[ChatMessage, ...]
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """A message that is to be answered, with what it stands in."""

    message_id: str
    content: str
    language: str
    intent: Intent
    history: Sequence[ChatMessage]


class ChatService:
    """Use cases on a person's conversation.

    Args:
        model: who answers freely; None where no model is configured.
        queue_size: TASK_QUEUE_SIZE; a task of the conversation is held to it as any other.
        model_deadline_s: how long an answer waits for the model.
    """

    def __init__(
        self,
        *,
        database: Database,
        feed: Feed,
        tasks: TaskService,
        agents: AgentService,
        health: HealthService,
        model: Model | None,
        queue_size: int,
        new_id: NewId,
        model_deadline_s: float = DEADLINE_S,
    ) -> None:
        self._database, self._feed, self._tasks = database, feed, tasks
        self._status = StatusAnswers(tasks=tasks, agents=agents, health=health, has_model=model is not None)
        self._model, self._model_deadline_s = model, model_deadline_s
        self._queue_size, self._new_id = queue_size, new_id

    async def history(self, scope: Scope, *, limit: int = 50, offset: int = 0) -> HistoryPage:
        """A page of the person's conversation; offset 0 has the newest messages."""
        limit = max(1, min(limit, MAX_PAGE))
        found, total = await self._database.read(scope, chats.history, limit=limit, offset=offset)
        return HistoryPage(messages=tuple(found), total=total)

    async def say(
        self, scope: Scope, content: str, *, language: str, idempotency_key: str | None = None
    ) -> Exchange:
        """Answer a message, and make a task if it orders one.

        Args:
            language: of the answer where the message does not show one.
            idempotency_key: the same key gives the same exchange again, and no second task.

        Raises:
            InvalidRequest: an empty or too long message.
        """
        _check(content)
        message_id = self._new_id()
        if idempotency_key is not None:
            message_id = str(uuid.uuid5(_NAMESPACE, f"{scope.tenant}\n{scope.actor}\n{idempotency_key}"))
            known = await self._database.read(scope, chats.find, message_id)
            if known is not None:
                return known
        history, _ = await self._database.read(scope, chats.history, limit=REMEMBERED, offset=0)
        asked = _Asked(
            message_id=message_id,
            content=content,
            language=language_of_request(content, language),
            intent=read_intent(content),
            history=history,
        )
        reply = await self._reply(scope, asked)
        exchange = await self._store(scope, asked, reply)
        if not exchange.is_replay:
            if exchange.task is not None and exchange.is_new_task:
                await self._tasks.announce_new(exchange.task)
            for message in (exchange.message, exchange.answer):
                self._feed.publish(
                    chat_topic(scope.tenant), {"actor": scope.actor, "message": _frame(message)}
                )
            log.info(
                "chat.answered", intent=exchange.answer.data.get("intent"), task_id=exchange.answer.task_id
            )
        return exchange

    async def _store(self, scope: Scope, asked: _Asked, reply: Reply) -> Exchange:
        """Store the answer; where its task is refused at the last moment, an answer that says so."""
        try:
            if reply.draft is not None and self._tasks.is_draining:
                raise Draining
            return await self._exchange(scope, asked, reply)
        except (QueueFull, Draining, DataRefused) as refusal:
            if reply.draft is None:
                raise
            return await self._exchange(scope, asked, _refused(refusal, asked.language))

    async def _exchange(self, scope: Scope, asked: _Asked, reply: Reply) -> Exchange:
        new_task = None
        if reply.draft is not None:
            request_id = reply.request_id or asked.message_id
            new_task = NewTask(request_id=request_id, draft=reply.draft, queue_size=self._queue_size)

        def words(task: Task | None, is_new: bool) -> AnswerWords:
            return _words(asked, reply, task, is_new=is_new)

        return await self._database.write(
            scope, chats.exchange, asked.message_id, content=asked.content, words=words, new_task=new_task
        )

    async def _reply(self, scope: Scope, asked: _Asked) -> Reply:
        kind = asked.intent.kind
        offer = _offered(asked.history)
        if offer is not None and kind in {Kind.CONFIRM, Kind.DECLINE}:
            return self._decided(offer, is_yes=kind is Kind.CONFIRM)
        if kind in STATUS_KINDS:
            return await self._status.answer(scope, asked.intent, asked.language)
        if kind is Kind.CONTROL:
            return await self._status.control(scope, asked.intent, asked.language)
        if asked.intent.is_named:
            return self._order(asked.intent.request, asked.language)
        if self._model is None:
            return await self._by_rules(asked)
        return await self._by_model(self._model, asked)

    def _decided(self, offer: Mapping[str, Any], *, is_yes: bool) -> Reply:
        language = str(offer["language"])
        if not is_yes:
            return Reply(content=text("chat.declined", language))
        made = self._order(str(offer["request"]), language, title=offer.get("title"))
        return replace(made, request_id=str(offer["request_id"]))

    async def _by_rules(self, asked: _Asked) -> Reply:
        intent, language = asked.intent, asked.language
        match intent.kind:
            case Kind.WORK:
                return self._order(intent.request, language)
            case Kind.OFFER:
                return self._offer(intent.request, language)
            case Kind.THANKS:
                return Reply(content=text("chat.thanks", language))
            case Kind.CONFIRM | Kind.DECLINE:
                return Reply(content=text("chat.nothing_offered", language))
            case Kind.GREETING:
                return _lines("chat.greeting", "chat.abilities", language=language)
            case Kind.ABILITIES:
                return _lines(
                    "chat.abilities", "chat.no_model" if self._model is None else "", language=language
                )
            case Kind.OTHER if _was_asked_what(asked.history):
                return self._offer(asked.content.strip(), language)
            case Kind.OTHER if handbook.covers(asked.content) < handbook.COVERED:
                passages = []
            case _:
                passages = await find_passages(asked.content, language)
        if passages:
            return _quoted(passages, language)
        unknown = _lines(
            "chat.unknown",
            "chat.no_model" if self._model is None else "",
            "chat.abilities",
            language=language,
        )
        return replace(unknown, links=(page_link("settings", language),) if self._model is None else ())

    async def _by_model(self, model: Model, asked: _Asked) -> Reply:
        passages = await find_passages(asked.content, asked.language)
        try:
            words = await ask_model(
                model,
                asked.content,
                history=asked.history,
                passages=passages,
                deadline_s=self._model_deadline_s,
            )
        except NOT_USABLE as fault:
            detail = describe(fault.code, fault.params, asked.language).detail
            log.warning("chat.model_failed", code=fault.code, reason=fault.params.get("reason"))
        except TimeoutError:
            detail = text("chat.model_late", asked.language, seconds=round(self._model_deadline_s))
            log.warning("chat.model_failed", code="deadline")
        else:
            return self._agreed(asked, words)
        ruled = await self._by_rules(asked)
        note = text("chat.model_failed", asked.language, detail=detail)
        return replace(ruled, content=f"{note}\n{ruled.content}")

    def _agreed(self, asked: _Asked, words: ModelWords) -> Reply:
        """The model's answer; it takes the model and the rules to make a task without asking first."""
        is_order = asked.intent.kind is Kind.WORK
        if words.action == "task" and is_order:
            reply = self._order(asked.intent.request, asked.language, title=words.title)
        elif words.action in {"task", "offer"}:
            wanted = words.request or asked.intent.request or asked.content.strip()
            reply = self._offer(wanted, asked.language, title=words.title)
        elif is_order:
            reply = self._offer(asked.intent.request, asked.language, title=words.title)
        else:
            reply = Reply(content="")
        return replace(
            reply,
            content="\n".join(filter(None, (words.text, reply.content))),
            citations=words.citations,
            more={"model": words.model, "cost": asdict(words.cost)},
        )

    def _order(self, request: str, language: str, *, title: str | None = None) -> Reply:
        """A task of a request, or why there can be none."""
        named = unknown_files(request[:READ_CHARS], ())
        if named:
            return _needs_file(named[0], language)
        draft = _draft(request, language, title)
        try:
            self._tasks.admit(draft)
        except DependencyUnavailable:
            raise
        except Fault as refusal:
            return _refused(refusal, language)
        return Reply(content="", draft=draft)

    def _offer(self, request: str, language: str, *, title: str | None = None) -> Reply:
        """The question whether to make a task; where it would be refused, the reason instead."""
        if not request:
            return Reply(content=text("chat.what", language), more={"asked": ASKED_WHAT})
        if self._order(request, language).draft is None:
            return self._order(request, language)
        shown = request if len(request) <= SHOWN_OFFER_CHARS else f"{request[:SHOWN_OFFER_CHARS]}…"
        return Reply(content=text("chat.offer", language, request=shown), offer=request, offer_title=title)


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


def _frame(message: ChatMessage) -> dict[str, Any]:
    frame = message_json(message)
    if len(orjson.dumps(frame)) > MAX_FRAME_BYTES:
        frame |= {
            "content": frame["content"][:FRAME_CHARS],
            "citations": [],
            "offer": None,
            "is_partial": True,
        }
    return frame


def _check(content: str) -> None:
    if not content.strip():
        raise InvalidRequest(errors=[{"field": "content", "code": "empty"}])
    if len(content) > MAX_CONTENT_CHARS:
        raise InvalidRequest(errors=[{"field": "content", "code": "too_long", "limit": MAX_CONTENT_CHARS}])


def _last_answer(history: Sequence[ChatMessage]) -> Mapping[str, Any]:
    return history[-1].data if history and history[-1].type == "ai" else {}


def _offered(history: Sequence[ChatMessage]) -> Mapping[str, Any] | None:
    offer: Mapping[str, Any] | None = _last_answer(history).get("offer")
    return offer


def _was_asked_what(history: Sequence[ChatMessage]) -> bool:
    return _last_answer(history).get("asked") == ASKED_WHAT


def _draft(request: str, language: str, title: str | None) -> TaskDraft:
    first_line = request.strip().splitlines()[0].strip()
    return TaskDraft(
        title=(title or first_line)[:TITLE_CHARS],
        description=request,
        language=language_of_request(request, language),
    )


def _needs_file(name: str, language: str) -> Reply:
    """A message carries no files: a task over one that is not there would be about something else."""
    content = text("chat.needs_file", language, file=name)
    return Reply(content=content, links=(page_link("new_task", language),), more={"refused": "file"})


def _refused(refusal: Fault, language: str) -> Reply:
    """Why no task was made, and what to do."""
    words = describe(refusal.code, refusal.params, language, errors=refusal.errors)
    lines = [text("chat.refused", language, detail=words.detail), *filter(None, [words.hint])]
    links = [page_link("tasks", language)]
    if isinstance(refusal, ModelRequired):
        lines.append(text("chat.refused.files", language))
        links = [page_link("new_task", language), page_link("settings", language)]
    return Reply(content="\n".join(lines), links=tuple(links), more={"refused": refusal.code})


def _quoted(passages: Sequence[Mapping[str, Any]], language: str) -> Reply:
    lines = [text("chat.help", language)]
    for item in passages:
        source = text("chat.help.source", language, title=item["title"], place=item["anchor"])
        lines += [f"“{item['quote']}”", source]
    return Reply(content="\n".join(lines), citations=tuple(passages))


def _lines(*keys: str, language: str) -> Reply:
    return Reply(content="\n".join(text(key, language) for key in keys if key))


def _words(asked: _Asked, reply: Reply, task: Task | None, *, is_new: bool) -> AnswerWords:
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


def _language_of(asked: _Asked) -> str:
    """Of the offer that a yes answers, since “ok” is no language; else of the message."""
    offer = _offered(asked.history)
    is_yes = offer is not None and asked.intent.kind is Kind.CONFIRM
    return str(offer["language"]) if offer is not None and is_yes else asked.language
