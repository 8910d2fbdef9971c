"""An in-memory `agents.contract.Work` for tests of agents.

Skills are the real ones, called in this process; files are real files in a directory of the
test; the model is a queue of replies, and questions a queue of answers.
"""

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from langgraph_multi_agent.agents.contract import Understanding
from langgraph_multi_agent.domain.errors import (
    ArtifactNotFound,
    InputUnreadable,
    InvalidRequest,
    ModelRequired,
)
from langgraph_multi_agent.domain.event import NewEvent
from langgraph_multi_agent.domain.plan import Plan, Subtask
from langgraph_multi_agent.domain.ports import ModelMessage, ModelReply
from langgraph_multi_agent.domain.result import ArtifactKind, ArtifactRef, SubtaskResult
from langgraph_multi_agent.domain.task import InputFile
from langgraph_multi_agent.tools.contract import Tool

NO_SUBTASK = Subtask(id="understand", title="understand", capability="understand", agent="meta_agent")


class ParkedForAnswer(BaseException):
    """The work waits for a person, and the test gave no answer."""


@dataclass(slots=True, kw_only=True)
class MemoryWork:
    """One attempt at one subtask, with everything in sight.

    Attributes:
        directory: where saved artifacts go.
        paths: input files by name.
        replies: what the model says, in order; a `BaseException` among them is raised. None: no model.
        answers: what the person says, in order.
        tools: by name; the real ones.
        asked, prompts, events, saved, skill_answers: what happened.
    """

    directory: Path
    request: str = ""
    language: str = "en"
    task_id: str = "task-1"
    attempt: int = 1
    paths: Mapping[str, Path] = field(default_factory=dict)
    files: tuple[InputFile, ...] = field(init=False)
    input_data: Mapping[str, Any] = field(default_factory=dict)
    subtask: Subtask = NO_SUBTASK
    understanding: Understanding = field(default_factory=lambda: Understanding(goal="", language="en"))
    plan: Plan = field(default_factory=lambda: Plan(revision=1, subtasks=()))
    results: Mapping[str, SubtaskResult] = field(default_factory=dict)
    replies: list[Any] | None = None
    answers: list[Mapping[str, Any]] = field(default_factory=list)
    asked: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    prompts: list[tuple[ModelMessage, ...]] = field(default_factory=list)
    events: list[NewEvent] = field(default_factory=list)
    saved: dict[str, ArtifactRef] = field(default_factory=dict)
    skill_answers: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    tools: Mapping[str, Tool] = field(default_factory=dict)

    @property
    def has_model(self) -> bool:
        return self.replies is not None

    def __post_init__(self) -> None:
        self.files = tuple(self.input(name) for name in self.paths)

    def input(self, name: str) -> InputFile:
        try:
            content = self.paths[name].read_bytes()
        except KeyError:
            raise InputUnreadable(file=name, reason="not_attached") from None
        return InputFile(
            name=name,
            digest=hashlib.sha256(content).hexdigest(),
            size_bytes=len(content),
            media_type="application/octet-stream",
        )

    async def path(self, file: InputFile | ArtifactRef) -> Path:
        if isinstance(file, InputFile):
            return self.paths[file.name]
        path = self.directory / file.digest
        if not path.is_file():
            raise ArtifactNotFound(name=file.name)
        return path

    async def skill(self, skill: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        found: Mapping[str, Any] = import_module(f"langgraph_multi_agent.skills.{skill}").run(dict(params))
        self.skill_answers.append((skill, found))
        return found

    async def tool(self, tool: str, arguments: Mapping[str, Any]) -> Any:
        if tool not in self.tools:
            raise InvalidRequest(reason="unknown tool", tool=tool)
        return await self.tools[tool].call(arguments, key=f"{self.task_id}:{tool}")

    async def model(
        self,
        messages: Sequence[ModelMessage],
        *,
        schema: Mapping[str, Any] | None = None,
        max_output_tokens: int = 2048,
    ) -> ModelReply:
        if self.replies is None:
            raise ModelRequired(settings="LLM_MODEL")
        self.prompts.append(tuple(messages))
        reply = self.replies.pop(0)
        if isinstance(reply, BaseException):
            raise reply
        return ModelReply(text=str(reply), data=reply, model="scripted")

    async def save(
        self, name: str, content: bytes | Path, *, media_type: str, kind: ArtifactKind = "result"
    ) -> ArtifactRef:
        ref = self._stored(name, content, media_type, kind)
        self.saved[name] = ref
        return ref

    def _stored(self, name: str, content: bytes | Path, media_type: str, kind: ArtifactKind) -> ArtifactRef:
        body = content if isinstance(content, bytes) else content.read_bytes()
        digest = hashlib.sha256(body).hexdigest()
        self.directory.mkdir(parents=True, exist_ok=True)
        (self.directory / digest).write_bytes(body)
        return ArtifactRef(name=name, digest=digest, size_bytes=len(body), media_type=media_type, kind=kind)

    async def step(self, key: str, inputs: Any, call: Callable[[], Awaitable[Any]]) -> Any:
        return await call()

    async def ask(
        self,
        text: str,
        *,
        kind: Literal["clarification", "approval"] = "clarification",
        options: Sequence[str] = (),
    ) -> Mapping[str, Any]:
        self.asked.append((text, tuple(options)))
        if not self.answers:
            raise ParkedForAnswer(text)
        return self.answers.pop(0)

    def progress(self, **data: Any) -> None:
        return None

    def note(self, event: NewEvent) -> None:
        self.events.append(event)
