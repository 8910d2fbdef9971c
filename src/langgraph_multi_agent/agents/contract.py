"""The whole contract of a team, on one page.

Whoever adds an agent implements `Agent`; whoever builds an own team fills a `Team`. The engine
calls the team, never the other way round. Invariant: everything that passes here is JSON or a
frozen value of `domain`, because the engine journals it.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from langgraph_multi_agent.domain.event import NewEvent
from langgraph_multi_agent.domain.plan import Plan, Subtask
from langgraph_multi_agent.domain.ports import ModelMessage, ModelReply
from langgraph_multi_agent.domain.result import (
    ArtifactKind,
    ArtifactRef,
    Question,
    SubtaskResult,
    Verdict,
)
from langgraph_multi_agent.domain.task import InputFile, TaskDraft

InputKind = Literal["table", "document", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class InputInfo:
    """What is known of one input before planning.

    `profile` is, for a table, `{"rows", "columns": [{"name", "role", "type", "distinct", "missing"}]}`
    with role one of time, measure, category, id, text, constant; for a document,
    `{"characters", "pages", "headings": [...], "language"}`.
    """

    name: str
    kind: InputKind
    digest: str
    size_bytes: int
    profile: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Understanding:
    """What the MetaAgent made of the request.

    Attributes:
        intents: words such as `trend`, `compare`, `correlate`, `top`, `anomaly`, `profile`,
            `answer` that the request asks for; empty means: whatever the inputs allow. `general`
            means: it wants something written that no analysis or quotation gives.
        questions: what must be asked back before planning; empty means clear.
        handbook: the built-in handbook is wanted as a source.
    """

    goal: str
    language: str
    intents: tuple[str, ...] = ()
    inputs: tuple[InputInfo, ...] = ()
    handbook: bool = False
    questions: tuple[Question, ...] = ()
    notes: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Understanding":
        questions = ({**item, "options": tuple(item["options"])} for item in value["questions"])
        return cls(
            **{
                **value,
                "intents": tuple(value["intents"]),
                "inputs": tuple(InputInfo(**item) for item in value["inputs"]),
                "questions": tuple(Question(**item) for item in questions),
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A subtask that an agent offers to do for this request.

    `phase` places it: `work` proposals run in parallel, `synthesis` depends on all of them,
    `review` on the synthesis. Work that `needs_results` starts after all other work of the plan.
    `key` makes the subtask's id and must be unique within the agent.
    """

    key: str
    title: str
    capability: str
    phase: Literal["work", "synthesis", "review"] = "work"
    parameters: Mapping[str, Any] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()
    success_criteria: tuple[str, ...] = ()
    weight: float = 1.0
    reason: str = ""
    needs_results: bool = False


class Work(Protocol):
    """What an agent is given to do a subtask, and its hands on the world."""

    task_id: str
    request: str
    language: str
    files: tuple[InputFile, ...]
    input_data: Mapping[str, Any]
    subtask: Subtask
    attempt: int
    understanding: Understanding
    plan: Plan
    results: Mapping[str, SubtaskResult]
    """Results of the subtasks it depends on, directly or not."""

    @property
    def has_model(self) -> bool: ...

    def input(self, name: str) -> InputFile:
        """The stored input. Raises InputUnreadable if the task has no such file."""
        ...

    async def path(self, file: InputFile | ArtifactRef) -> Path:
        """A local, read-only path with the file's content."""
        ...

    async def skill(self, skill: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """Run an offline skill in a child process; an event `tool.called` records it."""
        ...

    async def tool(self, tool: str, arguments: Mapping[str, Any]) -> Any:
        """Call a registered tool under its effect rules; an event `tool.called` records it."""
        ...

    async def model(
        self,
        messages: Sequence[ModelMessage],
        *,
        schema: Mapping[str, Any] | None = None,
        max_output_tokens: int = 2048,
    ) -> ModelReply:
        """Ask the agent's model; journalled, budgeted, recorded. Raises ModelRequired without one."""
        ...

    async def save(
        self, name: str, content: bytes | Path, *, media_type: str, kind: ArtifactKind = "result"
    ) -> ArtifactRef:
        """Store a file of the task under a plain name."""
        ...

    async def step(self, key: str, inputs: Any, call: Callable[[], Awaitable[Any]]) -> Any:
        """Journal `call`'s JSON result under this subtask, so a crash never repeats it."""
        ...

    async def ask(
        self,
        text: str,
        *,
        kind: Literal["clarification", "approval"] = "clarification",
        options: Sequence[str] = (),
    ) -> Mapping[str, Any]:
        """A person's answer. Parks the subtask until there is one; siblings run on."""
        ...

    def progress(self, **data: Any) -> None:
        """Tell watchers how far it is; ephemeral, at most four a second pass."""
        ...

    def note(self, event: NewEvent) -> None:
        """Add an event that is committed together with the subtask's result."""
        ...


class Agent(Protocol):
    """A specialist.

    Attributes:
        name: unique in the team, snake_case.
        titles: name for people by language, `{"zh", "en"}`.
        capabilities: words that plans ask for; the first is its main one.
    """

    name: str
    titles: Mapping[str, str]
    capabilities: tuple[str, ...]

    def propose(self, understanding: Understanding) -> Sequence[Proposal]:
        """What it would do for this request. Pure, quick, deterministic; may be empty."""
        ...

    async def work(self, work: Work) -> SubtaskResult:
        """Do the subtask. Every fact in the result must come from the inputs."""
        ...


class MetaAgent(Protocol):
    name: str
    titles: Mapping[str, str]

    def admit(self, draft: TaskDraft, *, has_model: bool) -> None:
        """Refuse what the team cannot do. Pure, synchronous, before anything is stored.

        Raises:
            ModelRequired, InputUnreadable, InvalidRequest.
        """
        ...

    async def understand(self, work: Work) -> Understanding: ...


class TaskDecomposer(Protocol):
    name: str
    titles: Mapping[str, str]

    async def decompose(
        self, work: Work, understanding: Understanding, agents: Mapping[str, Agent]
    ) -> Plan:
        """The first plan, revision 1, with a reason."""
        ...

    async def repair(
        self,
        work: Work,
        plan: Plan,
        verdicts: Sequence[Verdict],
        agents: Mapping[str, Agent],
    ) -> Plan | None:
        """A new revision that keeps what stands, or None if nothing can be mended."""
        ...


class QualityCheck(Protocol):
    def verdicts(self, plan: Plan, results: Mapping[str, SubtaskResult]) -> Sequence[Verdict]:
        """One verdict for each success criterion of the plan; pure."""
        ...

    def result(
        self, plan: Plan, results: Mapping[str, SubtaskResult], verdicts: Sequence[Verdict]
    ) -> Mapping[str, Any]:
        """The task's result for its row, ≤ 8 kB: `{"summary", "report", "artifacts", …}`; pure."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """Who works on a task. `version` changes when results could."""

    name: str
    version: str
    titles: Mapping[str, str]
    meta_agent: MetaAgent
    task_decomposer: TaskDecomposer
    quality_check: QualityCheck
    agents: Mapping[str, Agent]
