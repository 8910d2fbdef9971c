"""Answers questions on how things are, from the services.

Caller: `ChatService`. Invariant: every number and every state is one that a service gave just now.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from langgraph_multi_agent.access import Scope
from langgraph_multi_agent.domain.errors import TaskNotFound
from langgraph_multi_agent.domain.task import Task, TaskStatus
from langgraph_multi_agent.i18n import text
from langgraph_multi_agent.i18n.errors import describe
from langgraph_multi_agent.service.agents import AgentService
from langgraph_multi_agent.service.chat.intents import Intent, Kind
from langgraph_multi_agent.service.chat.reply import Reply, page_link, task_link
from langgraph_multi_agent.service.health import DependencyHealth, HealthService
from langgraph_multi_agent.service.tasks import TaskService
from langgraph_multi_agent.store.tasks import TaskFilter

SHOWN = 5
LOOKED_THROUGH = 50
"""So many tasks that hold some words are searched for one that is called so."""
CLEAR_HAN_CHARS = 4
"""From here on a part of a Chinese title says which is meant."""
MODEL = "model"


class StatusAnswers:
    """One method for each kind of question; `answer` picks it."""

    def __init__(
        self, *, tasks: TaskService, agents: AgentService, health: HealthService, has_model: bool
    ) -> None:
        self._tasks, self._agents, self._health = tasks, agents, health
        self._has_model = has_model

    async def answer(self, scope: Scope, intent: Intent, language: str) -> Reply:
        match intent.kind:
            case Kind.LIST:
                if intent.status is None:
                    return await self._newest(scope, language)
                return await self._list(scope, intent.status, language)
            case Kind.TASK:
                return await self._task(scope, intent.reference, language)
            case Kind.AGENTS:
                return await self._agents_at_work(scope, language)
            case Kind.QUEUE:
                return await self._queue(scope, language)
            case Kind.TROUBLE:
                return await self._trouble(scope, language)
            case Kind.HEALTH:
                return await self._system(language)
            case _:
                return await self._counts(scope, language, has_period=intent.has_period)

    async def control(self, scope: Scope, intent: Intent, language: str) -> Reply:
        """Where a task is cancelled, paused, retried or deleted."""
        found = await self._found(scope, intent.reference) if intent.reference else []
        links = [task_link(task) for task in found] or [page_link("tasks", language)]
        return Reply(content=text("chat.control", language), links=tuple(links))

    async def _counts(self, scope: Scope, language: str, *, has_period: bool) -> Reply:
        counts = await self._tasks.counts(scope)
        total = sum(counts.values())
        if not total:
            return Reply(content=text("chat.counts.none", language), links=(page_link("new_task", language),))
        parts = [
            text("chat.counts.part", language, status=_word(status, language), count=counts[status.value])
            for status in TaskStatus
            if counts.get(status.value)
        ]
        lines = [
            text(
                "chat.counts", language, total=total, parts=text("chat.counts.between", language).join(parts)
            )
        ]
        if has_period:
            lines.append(text("chat.counts.period", language))
        pages = ("tasks", "analytics") if has_period else ("tasks",)
        return Reply(content="\n".join(lines), links=tuple(page_link(page, language) for page in pages))

    async def _list(self, scope: Scope, status: TaskStatus, language: str) -> Reply:
        word = _word(status, language)
        page = await self._tasks.list(scope, TaskFilter(status=(status,)), limit=SHOWN)
        if not page.tasks:
            return Reply(
                content=text("chat.list.none", language, status=word), links=(page_link("tasks", language),)
            )
        count = len(page.tasks)
        if page.next is not None:
            count = max((await self._tasks.counts(scope)).get(status.value, 0), count)
        lines = [text("chat.list", language, status=word, count=count), *_lines(page.tasks, language)]
        if page.next is not None:
            lines.append(text("chat.list.more", language, shown=len(page.tasks)))
        links = [*(task_link(task) for task in page.tasks), page_link("tasks", language)]
        return Reply(content="\n".join(lines), links=tuple(links))

    async def _newest(self, scope: Scope, language: str) -> Reply:
        """The newest tasks, whatever their status."""
        page = await self._tasks.list(scope, TaskFilter(), limit=SHOWN)
        if not page.tasks:
            return Reply(content=text("chat.counts.none", language), links=(page_link("new_task", language),))
        lines = [text("chat.newest", language), *_lines_with_status(page.tasks, language)]
        if page.next is not None:
            lines.append(text("chat.list.more", language, shown=len(page.tasks)))
        links = [*(task_link(task) for task in page.tasks), page_link("tasks", language)]
        return Reply(content="\n".join(lines), links=tuple(links))

    async def _trouble(self, scope: Scope, language: str) -> Reply:
        """Whether anything is wrong: with the system, with tasks, or because a person is waited for."""
        system = await self._system(language)
        page = await self._tasks.list(scope, TaskFilter(status=(TaskStatus.FAILED,)), limit=SHOWN)
        counts = await self._tasks.counts(scope)
        failed = max(counts.get(TaskStatus.FAILED.value, 0), len(page.tasks))
        waiting = counts.get(TaskStatus.WAITING_INPUT.value, 0)
        lines = [system.content]
        if page.tasks:
            lines.append(text("chat.list", language, status=_word(TaskStatus.FAILED, language), count=failed))
            lines += [_failure(task, language) for task in page.tasks]
        else:
            lines.append(text("chat.list.none", language, status=_word(TaskStatus.FAILED, language)))
        if failed > len(page.tasks):
            lines.append(text("chat.list.more", language, shown=len(page.tasks)))
        if waiting:
            lines.append(text("chat.trouble.waiting", language, count=waiting))
        links = [*(task_link(task) for task in page.tasks), *system.links]
        if failed or waiting:
            links.append(page_link("tasks", language))
        return Reply(content="\n".join(lines), links=tuple(links))

    async def _task(self, scope: Scope, reference: str, language: str) -> Reply:
        found = await self._found(scope, reference)
        if not found and not reference:
            return await self._counts(scope, language, has_period=False)
        if not found:
            content = text("chat.task.not_found", language, reference=reference)
            return Reply(content=content, links=(page_link("tasks", language),))
        return self._told(found, reference, language)

    async def titled(self, scope: Scope, words: str, language: str) -> Reply | None:
        """How the tasks are that are called so, or nearly; None if there is none."""
        page = await self._tasks.list(scope, TaskFilter(query=words), limit=LOOKED_THROUGH)
        exact = [task for task in page.tasks if _bare(task.title) == _bare(words)]
        found = exact or [task for task in page.tasks if _is_part(words, task.title)]
        if not found:
            return None
        return replace(self._told(found[:SHOWN], words, language), more={"intent": Kind.TASK.value})

    def _told(self, found: Sequence[Task], reference: str, language: str) -> Reply:
        """One task with what its state means, or the several that may be meant."""
        if len(found) > 1:
            head = text("chat.task.several", language, reference=reference, count=len(found))
            links = tuple(task_link(task) for task in found)
            return Reply(content="\n".join([head, *_lines(found, language)]), links=links)
        task = found[0]
        status = _word(task.status, language)
        lines = [text("chat.task", language, title=task.title, status=status, progress=task.progress)]
        lines += _more(task, language)
        return Reply(content="\n".join(lines), links=(task_link(task),))

    async def _found(self, scope: Scope, reference: str) -> Sequence[Task]:
        """Tasks that a reference may mean: by id, by the exact title, by words of the title; else the newest."""
        if not reference:
            return (await self._tasks.list(scope, TaskFilter(), limit=1)).tasks
        with suppress(TaskNotFound):
            return [await self._tasks.get(scope, reference)]
        page = await self._tasks.list(scope, TaskFilter(query=reference), limit=SHOWN)
        exact = [task for task in page.tasks if task.title.casefold() == reference.casefold()]
        return exact if len(exact) == 1 else page.tasks

    async def _agents_at_work(self, scope: Scope, language: str) -> Reply:
        statuses = await self._agents.status(scope)
        busy = [status for status in statuses if status.current]
        lines = [text("chat.agents", language, total=len(statuses), busy=len(busy))]
        lines += [
            text(
                "chat.agents.line",
                language,
                name=status.titles.get(language, status.name),
                count=len(status.current),
            )
            for status in busy
        ]
        return Reply(content="\n".join(lines), links=(page_link("agents", language),))

    async def _queue(self, scope: Scope, language: str) -> Reply:
        counts = await self._tasks.counts_at_work(scope)
        content = text(
            "chat.queue",
            language,
            pending=counts.get(TaskStatus.PENDING.value, 0),
            running=counts.get(TaskStatus.IN_PROGRESS.value, 0),
        )
        return Reply(content=content, links=(page_link("system", language), page_link("tasks", language)))

    async def _system(self, language: str) -> Reply:
        health = await self._health.check()
        parts = [
            self._state(item, language)
            for item in health.dependencies
            if health.state == "ok" or item.state != "ok"
        ]
        key = "chat.health.ok" if health.state == "ok" else "chat.health.bad"
        content = text(key, language, parts=text("chat.counts.between", language).join(parts))
        return Reply(content=content, links=(page_link("system", language),))

    def _state(self, item: DependencyHealth, language: str) -> str:
        if item.name == MODEL and not self._has_model:
            return text("chat.health.no_model", language)
        return text(f"chat.health.state.{item.state}", language, name=item.name)


def _bare(words: str) -> str:
    return "".join(char for char in words.casefold() if char.isalnum())


def _is_part(words: str, title: str) -> bool:
    """So much of a title that hardly anything else is meant."""
    asked, called = words.casefold(), title.casefold()
    if sum("\u4e00" <= char <= "\u9fff" for char in asked) >= CLEAR_HAN_CHARS:
        return asked in called
    return len(asked.split()) > 1 and f" {asked} " in f" {called} "


def _more(task: Task, language: str) -> list[str]:
    """What its state means for the person."""
    if task.error:
        words = _error_words(task.error, language)
        return [text("chat.task.error", language, **words), *filter(None, [words["hint"]])]
    hints = {TaskStatus.WAITING_INPUT: "chat.task.waits", TaskStatus.COMPLETED: "chat.task.done"}
    return [text(hints[task.status], language)] if task.status in hints else []


def _error_words(error: Mapping[str, Any], language: str) -> dict[str, str]:
    words = describe(str(error.get("code", "")), dict(error.get("params") or {}), language)
    return {"title": words.title, "detail": words.detail, "hint": words.hint}


def _lines(tasks: Sequence[Task], language: str) -> list[str]:
    return [text("chat.list.line", language, title=task.title, progress=task.progress) for task in tasks]


def _lines_with_status(tasks: Sequence[Task], language: str) -> list[str]:
    return [
        text(
            "chat.newest.line",
            language,
            title=task.title,
            status=_word(task.status, language),
            progress=task.progress,
        )
        for task in tasks
    ]


def _failure(task: Task, language: str) -> str:
    """A failed task with its reason, as far as one was recorded."""
    if not task.error:
        return text("chat.trouble.line", language, title=task.title)
    why = _error_words(task.error, language)["title"]
    return text("chat.trouble.line.why", language, title=task.title, why=why)


def _word(status: TaskStatus, language: str) -> str:
    return text(f"chat.status.{status.value}", language)
