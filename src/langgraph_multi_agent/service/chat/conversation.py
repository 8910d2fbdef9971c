"""A person's conversation: reading it back, and saying something.

Hides that an answer and its task are stored together, that of two posts with one key one is answered and
the other waits for it, and who is told. Caller: the API, through `service.chat`. Invariant: a message is stored
with its answer and the task it made in one transaction.
"""

import uuid
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

import structlog

from langgraph_multi_agent.access import Scope
from langgraph_multi_agent.domain.errors import (
    DataRefused,
    DependencyUnavailable,
    Draining,
    InvalidRequest,
    QueueFull,
    QuotaExceeded,
)
from langgraph_multi_agent.domain.ports import Feed, Model, NewId
from langgraph_multi_agent.domain.task import Task
from langgraph_multi_agent.service.agents import AgentService
from langgraph_multi_agent.service.channels import chat_topic
from langgraph_multi_agent.service.chat.answers import Answers, Asked
from langgraph_multi_agent.service.chat.intents import language_of, read_intent
from langgraph_multi_agent.service.chat.messages import frame, words_of
from langgraph_multi_agent.service.chat.model import DEADLINE_S
from langgraph_multi_agent.service.chat.reply import Reply, refused
from langgraph_multi_agent.service.chat.status import StatusAnswers
from langgraph_multi_agent.service.health import HealthService
from langgraph_multi_agent.service.tasks import TaskService
from langgraph_multi_agent.store import chats, turns
from langgraph_multi_agent.store.chats import AnswerWords, ChatMessage, Exchange, NewTask
from langgraph_multi_agent.store.database import Database
from langgraph_multi_agent.store.turns import Standing

MAX_CONTENT_CHARS = 8_000
MAX_PAGE = 200
REMEMBERED = 12
CLAIM_S = 5.0
"""So long a claim on a message holds; then another attempt takes over. To answer twice by rules costs nothing."""
CLAIM_SLACK_S = 20.0
"""With a model a claim holds for so much longer than its answer may take, so that nobody pays twice."""
LOOK_AGAIN_S = 1.0
"""Who waits for another's answer looks for it this often, since the feed may lose what it is told."""
_NAMESPACE = uuid.UUID("6f1d3f0c-55a4-4c53-9d3c-0a3a5f0b7f11")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryPage:
    """Messages, the oldest of the page first; `total` is how many there are in all."""

    messages: tuple[ChatMessage, ...]
    total: int


class ChatService:
    """Use cases on a person's conversation.

    Args:
        model: who answers freely; None where no model is configured.
        queue_size: TASK_QUEUE_SIZE; a task of the conversation is held to it as any other.
        per_minute: CHAT_MESSAGES_PER_MINUTE, of each person.
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
        per_minute: int,
        new_id: NewId,
        model_deadline_s: float = DEADLINE_S,
    ) -> None:
        self._database, self._feed, self._tasks = database, feed, tasks
        self._answers = Answers(
            database=database,
            status=StatusAnswers(tasks=tasks, agents=agents, health=health, has_model=model is not None),
            tasks=tasks,
            model=model,
            model_deadline_s=model_deadline_s,
        )
        self._queue_size, self._per_minute, self._new_id = queue_size, per_minute, new_id
        self._claim_deadline = timedelta(
            seconds=CLAIM_S if model is None else model_deadline_s + CLAIM_SLACK_S
        )

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
            TooManyMessages: with how long to wait.
        """
        _check(content)
        message_id = self._new_id()
        if idempotency_key is not None:
            message_id = str(uuid.uuid5(_NAMESPACE, f"{scope.tenant}\n{scope.actor}\n{idempotency_key}"))
        token = self._new_id()
        standing = await self._standing(scope, message_id, token)
        if isinstance(standing, Exchange):
            return standing
        try:
            return await self._answer(scope, message_id, content, language)
        except BaseException:
            with suppress(DependencyUnavailable):
                await self._database.write(scope, turns.give_back, message_id, token)
            raise

    async def _standing(self, scope: Scope, message_id: str, token: str) -> Exchange | Standing:
        """The claim on a message, or the exchange that it is part of; waits for one that is under way."""
        standing = await self._claim(scope, message_id, token)
        if standing is not Standing.TAKEN:
            return standing
        async with self._feed.listen(chat_topic(scope.tenant)) as listener:
            while True:
                standing = await self._claim(scope, message_id, token)
                if standing is not Standing.TAKEN:
                    return standing
                await listener.wait(LOOK_AGAIN_S)
                listener.take_ephemeral()

    async def _claim(self, scope: Scope, message_id: str, token: str) -> Exchange | Standing:
        return await self._database.write(
            scope,
            turns.claim,
            message_id,
            token,
            deadline=self._claim_deadline,
            per_minute=self._per_minute,
        )

    async def _answer(self, scope: Scope, message_id: str, content: str, language: str) -> Exchange:
        history, _ = await self._database.read(scope, chats.history, limit=REMEMBERED, offset=0)
        intent = read_intent(content)
        asked = Asked(
            message_id=message_id,
            content=content,
            language=language_of(content, intent, language),
            intent=intent,
            history=history,
        )
        reply = await self._answers.reply(scope, asked)
        exchange = await self._store(scope, asked, reply)
        if not exchange.is_replay:
            if exchange.task is not None and exchange.is_new_task:
                await self._tasks.announce_new(exchange.task)
            for message in (exchange.message, exchange.answer):
                self._feed.publish(
                    chat_topic(scope.tenant), {"actor": scope.actor, "message": frame(message)}
                )
            log.info(
                "chat.answered", intent=exchange.answer.data.get("intent"), task_id=exchange.answer.task_id
            )
        return exchange

    async def _store(self, scope: Scope, asked: Asked, reply: Reply) -> Exchange:
        """Store the answer; where its task is refused at the last moment, an answer that says so."""
        try:
            if reply.draft is not None and self._tasks.is_draining:
                raise Draining
            return await self._exchange(scope, asked, reply)
        except (QueueFull, QuotaExceeded, Draining, DataRefused) as refusal:
            if reply.draft is None:
                raise
            return await self._exchange(scope, asked, refused(refusal, asked.language))

    async def _exchange(self, scope: Scope, asked: Asked, reply: Reply) -> Exchange:
        new_task = None
        if reply.draft is not None:
            request_id = reply.request_id or asked.message_id
            new_task = NewTask(request_id=request_id, draft=reply.draft, queue_size=self._queue_size)

        def words(task: Task | None, is_new: bool) -> AnswerWords:
            return words_of(asked, reply, task, is_new=is_new)

        return await self._database.write(
            scope, chats.exchange, asked.message_id, content=asked.content, words=words, new_task=new_task
        )


def _check(content: str) -> None:
    if not content.strip():
        raise InvalidRequest(errors=[{"field": "content", "code": "empty"}])
    if len(content) > MAX_CONTENT_CHARS:
        raise InvalidRequest(errors=[{"field": "content", "code": "too_long", "limit": MAX_CONTENT_CHARS}])
