"""What a subtask gives back, and what a review says of it. JSON all the way: it is journalled."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from langgraph_multi_agent.domain.canonical import fields_of
from langgraph_multi_agent.domain.finding import Finding, Passage

ArtifactKind = Literal["input", "report", "chart", "result", "plan"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactRef:
    """A stored file of a task: content-addressed body, name unique in the task."""

    name: str
    digest: str
    size_bytes: int
    media_type: str
    kind: ArtifactKind = "result"


@dataclass(frozen=True, slots=True, kw_only=True)
class SubtaskResult:
    """An agent's answer to its subtask."""

    summary: str
    findings: tuple[Finding, ...] = ()
    passages: tuple[Passage, ...] = ()
    artifacts: tuple[ArtifactRef, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {
            "summary": self.summary,
            "findings": [finding.to_json() for finding in self.findings],
            "passages": [fields_of(passage) for passage in self.passages],
            "artifacts": [fields_of(ref) for ref in self.artifacts],
            "data": dict(self.data),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "SubtaskResult":
        return cls(
            summary=value["summary"],
            findings=tuple(Finding.from_json(f) for f in value.get("findings", ())),
            passages=tuple(Passage.from_json(p) for p in value.get("passages", ())),
            artifacts=tuple(ArtifactRef(**a) for a in value.get("artifacts", ())),
            data=value.get("data", {}),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The review's word on one success criterion of one subtask.

    `passed` None means that nobody could check it; it is shown, and never counts as a pass.
    """

    subtask_id: str
    criterion: str
    passed: bool | None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Something only a person can say.

    Attributes:
        id: stable: `generation/revision/subtask/attempt/n`.
        kind: clarification wants `{"text"}` or an option; approval wants `{"approved": bool}`.
    """

    id: str
    kind: Literal["clarification", "approval"]
    text: str
    options: tuple[str, ...] = ()
    subtask_id: str | None = None
