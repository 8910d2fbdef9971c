"""Decides what is answered: by the services, by the model if there is one, else by fixed rules.

Caller: `conversation`. Invariant: a task is made of a plain order or of a yes, never of the model's
word alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import structlog

from langgraph_multi_agent import handbook
from langgraph_multi_agent.access import Scope
from langgraph_multi_agent.agents.request import language_of_request, unknown_files
from langgraph_multi_agent.domain.errors import DependencyUnavailable, Fault
from langgraph_multi_agent.domain.ports import Model
from langgraph_multi_agent.domain.task import TaskDraft
from langgraph_multi_agent.i18n import text
from langgraph_multi_agent.i18n.errors import describe
from langgraph_multi_agent.service.chat.intents import (
    READ_CHARS,
    STATUS_KINDS,
    Intent,
    Kind,
    is_complaint,
    lacks_file,
)
from langgraph_multi_agent.service.chat.model import AGENT, NOT_USABLE, ModelWords, ask_model
from langgraph_multi_agent.service.chat.passages import find_passages
from langgraph_multi_agent.service.chat.reply import Reply, page_link, refused
from langgraph_multi_agent.service.chat.status import StatusAnswers
from langgraph_multi_agent.service.tasks import TaskService
from langgraph_multi_agent.store.chats import ChatMessage
from langgraph_multi_agent.store.database import Database
from langgraph_multi_agent.store.turns import TurnLedger

TITLE_CHARS = 80
SHOWN_OFFER_CHARS = 300
ASKED_WHAT = "what"
"""Recorded with an answer that asked what exactly is to be done."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A message that is to be answered, with what it stands in."""

    message_id: str
    content: str
    language: str
    intent: Intent
    history: Sequence[ChatMessage]

    @property
    def offered(self) -> Mapping[str, Any] | None:
        """The offer that the newest answer made and a yes would take."""
        offer: Mapping[str, Any] | None = _last_answer(self.history).get("offer")
        return offer


class Answers:
    """What is answered to a message; nothing of it is stored yet."""

    def __init__(
        self,
        *,
        database: Database,
        status: StatusAnswers,
        tasks: TaskService,
        model: Model | None,
        model_deadline_s: float,
    ) -> None:
        self._database, self._status, self._tasks = database, status, tasks
        self._model, self._model_deadline_s = model, model_deadline_s

    async def reply(self, scope: Scope, asked: Asked) -> Reply:
        kind = asked.intent.kind
        offer = asked.offered
        if offer is not None and kind in {Kind.CONFIRM, Kind.DECLINE}:
            return self._decided(offer, is_yes=kind is Kind.CONFIRM)
        if kind in STATUS_KINDS:
            return await self._status.answer(scope, asked.intent, asked.language)
        if kind is Kind.CONTROL:
            return await self._status.control(scope, asked.intent, asked.language)
        if asked.intent.title:
            told = await self._status.titled(scope, asked.intent.title, asked.language)
            if told is not None:
                return told
        if asked.intent.is_named:
            return self._order(asked.intent.request, asked.language)
        if self._model is None:
            return await self._by_rules(asked)
        ledger = TurnLedger(database=self._database, scope=scope, message_id=asked.message_id, agent=AGENT)
        return await self._by_model(self._model, asked, ledger)

    def _decided(self, offer: Mapping[str, Any], *, is_yes: bool) -> Reply:
        language = str(offer["language"])
        if not is_yes:
            return Reply(content=text("chat.declined", language))
        made = self._order(str(offer["request"]), language, title=offer.get("title"))
        return replace(made, request_id=str(offer["request_id"]))

    async def _by_rules(self, asked: Asked) -> Reply:
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
            case Kind.OTHER if not _is_of_this_system(asked.content):
                passages = []
            case _:
                is_sure = bool(intent.about) or _is_of_this_system(asked.content) or is_complaint(asked.content)
                passages = await find_passages(intent.about or asked.content, language, is_sure=is_sure)
        if passages:
            return _quoted(passages, language)
        unknown = _lines(
            "chat.unknown",
            "chat.no_model" if self._model is None else "",
            "chat.abilities",
            language=language,
        )
        return replace(unknown, links=(page_link("settings", language),) if self._model is None else ())

    async def _by_model(self, model: Model, asked: Asked, ledger: TurnLedger) -> Reply:
        passages = await find_passages(asked.intent.about or asked.content, asked.language)
        try:
            words = await ask_model(
                model,
                asked.content,
                history=asked.history,
                passages=passages,
                ledger=ledger,
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

    def _agreed(self, asked: Asked, words: ModelWords) -> Reply:
        """The model's answer; it takes the model and the rules to make a task without asking first."""
        is_order = asked.intent.kind is Kind.WORK
        if words.action == "task" and is_order:
            reply = self._order(asked.intent.request, asked.language, title=words.title)
        elif words.action in {"task", "offer"}:
            reply = self._offer(_wanted(asked, words), asked.language, title=words.title)
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
            return _needs_file(text("chat.needs_file", language, file=named[0]), language)
        if lacks_file(request):
            return _needs_file(text("chat.needs_some_file", language), language)
        draft = _draft(request, language, title)
        try:
            self._tasks.admit(draft)
        except DependencyUnavailable:
            raise
        except Fault as refusal:
            return refused(refusal, language)
        return Reply(content="", draft=draft)

    def _offer(self, request: str, language: str, *, title: str | None = None) -> Reply:
        """The question whether to make a task; where it would be refused, the reason instead."""
        if not request:
            return Reply(content=text("chat.what", language), more={"asked": ASKED_WHAT})
        if self._order(request, language).draft is None:
            return self._order(request, language)
        content = text("chat.offer", language, request=request)
        if len(request) > SHOWN_OFFER_CHARS:
            content = text(
                "chat.offer.long",
                language,
                request=request[:SHOWN_OFFER_CHARS],
                shown=SHOWN_OFFER_CHARS,
                total=len(request),
            )
        return Reply(content=content, offer=request, offer_title=title)


def _wanted(asked: Asked, words: ModelWords) -> str:
    """What a task would be made of: the person's own words; the model's where they ask for nothing by themselves.

    The model's are a sentence or two: a message that says more than they could stands below them.
    """
    said = asked.content.strip()
    if asked.intent.request or not words.request:
        return asked.intent.request or said
    return words.request if len(said) <= SHOWN_OFFER_CHARS else f"{words.request}\n\n{said}"


def _is_of_this_system(said: str) -> bool:
    return handbook.covers(said) >= handbook.COVERED


def _last_answer(history: Sequence[ChatMessage]) -> Mapping[str, Any]:
    return history[-1].data if history and history[-1].type == "ai" else {}


def _was_asked_what(history: Sequence[ChatMessage]) -> bool:
    return _last_answer(history).get("asked") == ASKED_WHAT


def _draft(request: str, language: str, title: str | None) -> TaskDraft:
    first_line = request.strip().splitlines()[0].strip()
    return TaskDraft(
        title=(title or first_line)[:TITLE_CHARS],
        description=request,
        language=language_of_request(request, language),
    )


def _needs_file(content: str, language: str) -> Reply:
    """A message carries no files: a task over one that is not there would be about something else."""
    return Reply(content=content, links=(page_link("new_task", language),), more={"refused": "file"})


def _quoted(passages: Sequence[Mapping[str, Any]], language: str) -> Reply:
    lines = [text("chat.help", language)]
    for item in passages:
        source = text("chat.help.source", language, title=item["title"], place=item["anchor"])
        lines += [f"“{item['quote']}”", source]
    return Reply(content="\n".join(lines), citations=tuple(passages))


def _lines(*keys: str, language: str) -> Reply:
    return Reply(content="\n".join(text(key, language) for key in keys if key))
