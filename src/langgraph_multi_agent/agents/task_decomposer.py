"""The task decomposer: from what agents offer to a plan, and from a failed review to a better one.

Called by the engine. Invariant: a plan holds only what registered agents proposed, it is valid
within the limits, and its reason says what was seen and why it looks so. A model may choose and
order; a choice that does not hold is dropped for the offline plan.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from langgraph_multi_agent.agents.contract import Agent, InputInfo, Proposal, Understanding, Work
from langgraph_multi_agent.agents.request import GENERAL
from langgraph_multi_agent.domain.errors import (
    BudgetExceeded,
    LimitExceeded,
    ModelAnswerInvalid,
    ModelUnavailable,
    PlanInvalid,
)
from langgraph_multi_agent.domain.plan import Plan, Subtask
from langgraph_multi_agent.domain.ports import ModelMessage
from langgraph_multi_agent.domain.result import Verdict
from langgraph_multi_agent.i18n import text

MAX_ROUNDS = 2
"""A subtask is done again once; if it fails once more, the report goes on without it."""

LATE = ("synthesis", "review")
"""Phases after the work; their subtasks carry the word in `parameters["phase"]`."""

MAX_ID_CHARACTERS = 80
MAX_LISTED = 12
_ROUND = re.compile(r"-r(\d+)$")

_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "choose": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "properties": {
                    "id": {"type": "string"},
                    "depends_on": {"type": "array", "items": {"type": "string"}},
                },
                "required": ["id", "depends_on"],
                "additionalProperties": False,
            },
        },
        "reason": {"type": "string", "minLength": 1, "maxLength": 600},
    },
    "required": ["choose", "reason"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Offer:
    """A proposal with its maker and the id that its subtask will have."""

    id: str
    agent: Agent
    proposal: Proposal

    def subtask(self, depends_on: Iterable[str], *, reason: str = "", **parameters: Any) -> Subtask:
        proposal = self.proposal
        return Subtask(
            id=self.id,
            title=proposal.title,
            capability=proposal.capability,
            agent=self.agent.name,
            depends_on=tuple(depends_on),
            parameters={**proposal.parameters, **parameters},
            inputs=proposal.inputs,
            success_criteria=proposal.success_criteria,
            weight=proposal.weight,
            reason=proposal.reason or reason,
        )


class ProposalDecomposer:
    """`contract.TaskDecomposer` of the built-in team.

    Args:
        max_subtasks: largest plan; work beyond it is left out, and the plan says so.
        max_depth: longest chain of dependencies.
    """

    name = "task_decomposer"
    titles: Mapping[str, str] = {"zh": "任务分解", "en": "Task decomposer"}

    def __init__(self, *, max_subtasks: int = 64, max_depth: int = 16) -> None:
        self._max_subtasks = max_subtasks
        self._max_depth = max_depth

    async def decompose(self, work: Work, understanding: Understanding, agents: Mapping[str, Agent]) -> Plan:
        """The first plan.

        Raises:
            PlanInvalid: no agent offers anything, or the limits leave no room for any work.
        """
        offers = _offers(understanding, agents)
        kept, left_out = self._within_limits(offers)
        offline = _plan(understanding, kept, left_out, limit=self._max_subtasks)
        self._check(offline)
        if not work.has_model or len([o for o in kept if o.proposal.phase == "work"]) < 2:
            return offline
        return await self._by_model(work, understanding, kept, left_out, offline)

    async def repair(
        self,
        work: Work,
        plan: Plan,
        verdicts: Sequence[Verdict],
        agents: Mapping[str, Agent],
    ) -> Plan | None:
        failed = _failed(plan, verdicts)
        late = {item.id for item in plan.subtasks if item.parameters.get("phase") in LATE}
        hopeless = {
            item for item in failed if _round_of(item) > MAX_ROUNDS or plan.subtask(item).agent not in agents
        }
        dropped = {item for item in failed if item not in late and _round_of(item) >= MAX_ROUNDS}
        dropped |= hopeless - late
        dropped |= {item for item in plan.dependents_of(dropped) if item not in late}
        has_work = any(item.id not in late and item.id not in dropped for item in plan.subtasks)
        if not failed or hopeless & late or not has_work:
            return None
        again = set(failed) - dropped
        renewed = (again | plan.dependents_of(again | dropped)) - dropped
        revised = _revised(plan, failed, renewed, dropped, work.understanding.language)
        try:
            self._check(revised)
        except PlanInvalid:
            return None
        return revised

    def _check(self, plan: Plan) -> None:
        plan.validate(max_subtasks=self._max_subtasks, max_depth=self._max_depth)

    def _within_limits(self, offers: Sequence[_Offer]) -> tuple[list[_Offer], list[_Offer]]:
        """Trim work to the limit, fairly: each agent and input keeps its first before any a second."""
        late = [offer for offer in offers if offer.proposal.phase != "work"]
        room = self._max_subtasks - len(late)
        if room < 1:
            raise LimitExceeded(limit="max_subtasks", maximum=self._max_subtasks)
        ranks: dict[tuple[str, tuple[str, ...]], int] = {}
        ordered = []
        for place, offer in enumerate(o for o in offers if o.proposal.phase == "work"):
            group = (offer.agent.name, offer.proposal.inputs)
            ranks[group] = ranks.get(group, -1) + 1
            ordered.append((ranks[group], place, offer))
        first = {offer.id for _, _, offer in sorted(ordered, key=lambda item: item[:2])[:room]}
        kept = [o for o in offers if o.proposal.phase != "work" or o.id in first]
        return kept, [o for o in offers if o.proposal.phase == "work" and o.id not in first]

    async def _by_model(
        self,
        work: Work,
        understanding: Understanding,
        offers: Sequence[_Offer],
        left_out: Sequence[_Offer],
        offline: Plan,
    ) -> Plan:
        offered: list[dict[str, Any]] = [
            {"id": o.id, "title": o.proposal.title, "agent": o.agent.name, "inputs": o.proposal.inputs}
            for o in offers
            if o.proposal.phase == "work"
        ]
        facts = {"goal": understanding.goal, "notes": understanding.notes, "offered": offered}
        messages = (
            ModelMessage(role="system", content=text("team.prompt.task_decomposer", "en")),
            ModelMessage(role="user", content=json.dumps(facts, ensure_ascii=False)),
        )
        try:
            reply = await work.model(messages, schema=_SCHEMA, max_output_tokens=1500)
            chosen, order, reason = _choice(reply.data, [item["id"] for item in offered])
            kept = [o for o in offers if o.proposal.phase != "work" or o.id in chosen]
            plan = _plan(
                understanding, kept, left_out, limit=self._max_subtasks, order=order, model_reason=reason
            )
            self._check(plan)
        except (ModelUnavailable, ModelAnswerInvalid, BudgetExceeded, PlanInvalid) as error:
            why = str(error.params.get("reason") or error.code)
            sentence = text("team.plan.model_rejected", understanding.language, reason=why)
            return replace(offline, reason=f"{offline.reason}\n{sentence}")
        return plan


def _offers(understanding: Understanding, agents: Mapping[str, Agent]) -> list[_Offer]:
    """What all agents offer, agents in order of name, each id once."""
    taken: set[str] = set()
    offers = []
    for name in sorted(agents):
        keys: set[str] = set()
        for proposal in agents[name].propose(understanding):
            if proposal.key in keys:
                raise PlanInvalid(reason=f"{name} proposes the key {proposal.key!r} twice", subtask="")
            keys.add(proposal.key)
            subtask_id = _id_of(name, proposal.key, taken)
            taken.add(subtask_id)
            offers.append(_Offer(id=subtask_id, agent=agents[name], proposal=proposal))
    if not any(offer.proposal.phase == "work" for offer in offers):
        raise PlanInvalid(reason="no agent offers any work for this request", subtask="")
    return _for_general(understanding, offers)


def _for_general(understanding: Understanding, offers: list[_Offer]) -> list[_Offer]:
    """Nothing is searched where only something written is wanted; whoever writes reads the documents."""
    if understanding.intents != (GENERAL,) or not any(o.proposal.needs_results for o in offers):
        return offers
    tables = {item.name for item in understanding.inputs if item.kind == "table"}
    return [
        o
        for o in offers
        if o.proposal.phase != "work" or o.proposal.needs_results or tables.intersection(o.proposal.inputs)
    ]


def _id_of(agent: str, key: str, taken: set[str]) -> str:
    """`agent.key` with word characters only; too long or taken ones end in a digest of the key."""
    plain = re.sub(r"[^\w.-]+", "_", f"{agent}.{key}").strip("_")
    if len(plain) > MAX_ID_CHARACTERS or plain in taken or _ROUND.search(plain):
        plain = f"{plain[: MAX_ID_CHARACTERS - 9]}.{hashlib.sha256(key.encode()).hexdigest()[:8]}"
    return plain


def _plan(
    understanding: Understanding,
    offers: Sequence[_Offer],
    left_out: Sequence[_Offer],
    *,
    limit: int,
    order: Mapping[str, Sequence[str]] | None = None,
    model_reason: str = "",
) -> Plan:
    """All work in parallel, then what needs its results, then synthesis, then review."""
    language = understanding.language
    phases: dict[str, list[_Offer]] = {"work": [], "synthesis": [], "review": []}
    for offer in offers:
        phases[offer.proposal.phase].append(offer)
    work_ids = [offer.id for offer in phases["work"]]
    synthesis_ids = [offer.id for offer in phases["synthesis"]]
    first = [offer.id for offer in phases["work"] if not offer.proposal.needs_results]
    subtasks = [
        offer.subtask(
            dict.fromkeys(
                (*(first if offer.proposal.needs_results else ()), *(order or {}).get(offer.id, ()))
            )
        )
        for offer in phases["work"]
    ]
    missing = [offer.proposal.title for offer in left_out]
    names = {o.agent.name: title_of(o.agent, language) for o in offers}
    extra: dict[str, Any] = {"phase": "synthesis", "agents": names}
    if missing:
        extra["left_out"] = missing
    subtasks += [
        offer.subtask(work_ids, reason=text("team.plan.reason_synthesis", language), **extra)
        for offer in phases["synthesis"]
    ]
    subtasks += [
        offer.subtask(
            synthesis_ids or work_ids, phase="review", reason=text("team.plan.reason_review", language)
        )
        for offer in phases["review"]
    ]
    reason = _reason(understanding, phases, missing, limit, model_reason)
    return Plan(revision=1, subtasks=tuple(subtasks), reason=reason)


def _reason(
    understanding: Understanding,
    phases: Mapping[str, Sequence[_Offer]],
    missing: Sequence[str],
    limit: int,
    model_reason: str,
) -> str:
    """Why this plan: inputs seen, wishes read, agents chosen, order, and what was left out."""
    language = understanding.language
    comma, semicolon = ("、", "；") if language == "zh" else (", ", "; ")
    seen = [_seen(item, language, comma) for item in understanding.inputs]
    if understanding.handbook:
        seen.append(text("team.plan.handbook", language))
    lines = []
    if seen:
        lines.append(text("team.plan.seen", language, inputs=semicolon.join(seen)))
    if understanding.intents:
        words = [text(f"team.intent.{intent}", language) for intent in understanding.intents if intent]
        lines.append(text("team.plan.intents", language, intents=comma.join(words)))
    else:
        lines.append(text("team.plan.open", language))
    counts: dict[str, int] = {}
    for offer in phases["work"]:
        if not offer.proposal.needs_results:
            title = title_of(offer.agent, language)
            counts[title] = counts.get(title, 0) + 1
    if counts:
        named = [text("team.plan.agent", language, agent=a, count=n) for a, n in counts.items()]
        total = sum(counts.values())
        lines.append(text("team.plan.agents", language, count=total, agents=comma.join(named)))
    late = [title_of(o.agent, language) for o in phases["work"] if o.proposal.needs_results]
    if late:
        key = "team.plan.needs_results" if counts else "team.plan.alone"
        lines.append(text(key, language, agents=comma.join(dict.fromkeys(late))))
    if phases["synthesis"] and phases["review"]:
        lines.append(
            text(
                "team.plan.then",
                language,
                writer=comma.join(title_of(o.agent, language) for o in phases["synthesis"]),
                reviewer=comma.join(title_of(o.agent, language) for o in phases["review"]),
            )
        )
    if missing:
        listed = comma.join(missing[:MAX_LISTED]) + ("…" if len(missing) > MAX_LISTED else "")
        lines.append(text("team.plan.left_out", language, limit=limit, count=len(missing), titles=listed))
    if model_reason:
        lines.append(text("team.plan.by_model", language, reason=model_reason))
    return "\n".join(lines)


def title_of(agent: Agent, language: str) -> str:
    """The agent's name for people."""
    return agent.titles.get(language) or agent.name


def _seen(item: InputInfo, language: str, comma: str) -> str:
    profile = item.profile
    if item.kind == "table":
        columns = profile.get("columns", ())
        roles = []
        for role in ("time", "measure", "category"):
            names = [column["name"] for column in columns if column.get("role") == role]
            if names:
                listed = comma.join(names[:4]) + ("…" if len(names) > 4 else "")
                roles.append(text(f"team.plan.role.{role}", language, names=listed))
        joined = ("：" if language == "zh" else ": ") + ("，" if language == "zh" else "; ").join(roles)
        return text(
            "team.plan.table",
            language,
            name=item.name,
            rows=f"{profile.get('rows', 0):,}",
            columns=profile.get("column_count", len(columns)),
            roles=joined if roles else "",
        )
    return text(
        "team.plan.document",
        language,
        name=item.name,
        characters=f"{profile.get('characters', 0):,}",
        headings=len(profile.get("headings", ())),
    )


def _choice(data: Any, offered: Iterable[str]) -> tuple[set[str], dict[str, tuple[str, ...]], str]:
    """The model's choice, checked against the offer.

    Raises:
        PlanInvalid: it names what was not offered, or chooses nothing.
    """
    entries = data.get("choose", ()) if isinstance(data, Mapping) else ()
    chosen = {str(entry["id"]) for entry in entries}
    order = {str(entry["id"]): tuple(map(str, entry.get("depends_on", ()))) for entry in entries}
    unknown = (chosen | {name for names in order.values() for name in names}) - set(offered)
    if unknown or not chosen:
        raise PlanInvalid(reason=f"unknown subtask {min(unknown, default='')}", subtask="")
    order = {key: tuple(name for name in names if name in chosen) for key, names in order.items()}
    return chosen, order, " ".join(str(data.get("reason", "")).split())


def _failed(plan: Plan, verdicts: Sequence[Verdict]) -> dict[str, list[str]]:
    """Criteria that failed, by subtask of this plan."""
    ids = {item.id for item in plan.subtasks}
    failed: dict[str, list[str]] = {}
    for verdict in verdicts:
        if verdict.passed is False and verdict.subtask_id in ids:
            failed.setdefault(verdict.subtask_id, []).append(verdict.criterion)
    return failed


def _round_of(subtask_id: str) -> int:
    match = _ROUND.search(subtask_id)
    return int(match[1]) if match else 1


def _revised(
    plan: Plan,
    failed: Mapping[str, Sequence[str]],
    renewed: Iterable[str],
    dropped: Iterable[str],
    language: str,
) -> Plan:
    """The next revision: renewed subtasks under new ids, dropped ones gone, the rest untouched."""
    revision, renewed, dropped = plan.revision + 1, set(renewed), set(dropped)
    comma = "、" if language == "zh" else ", "
    # The round counts the lineage's attempts, so that a third one can be told from a second.
    ids = {item: f"{_ROUND.sub('', item)}-r{_round_of(item) + 1}" for item in renewed}
    gone = [plan.subtask(item).title for item in sorted(dropped)]
    subtasks = []
    for item in plan.subtasks:
        if item.id in dropped:
            continue
        if item.id not in renewed:
            subtasks.append(item)
            continue
        parameters = dict(item.parameters)
        reason = item.reason
        if item.id in failed:
            criteria = list(dict.fromkeys(failed[item.id]))
            parameters["repair"] = {"criteria": criteria, "round": _round_of(item.id) + 1}
            reason = text("team.repair.subtask", language, criteria=comma.join(criteria))
        if gone:
            parameters["unverified"] = [*parameters.get("unverified", ()), *gone]
        subtasks.append(
            replace(
                item,
                id=ids[item.id],
                depends_on=tuple(ids.get(d, d) for d in item.depends_on if d not in dropped),
                parameters=parameters,
                reason=reason,
            )
        )
    lines = [
        text(
            "team.repair.reason",
            language,
            revision=revision,
            failed=comma.join(plan.subtask(item).title for item in failed),
            again=comma.join(plan.subtask(item).title for item in ids) or "–",
            kept=len(plan.subtasks) - len(ids) - len(dropped),
        )
    ]
    if gone:
        lines.append(text("team.repair.dropped", language, titles=comma.join(gone)))
    return Plan(revision=revision, subtasks=tuple(subtasks), reason="\n".join(lines))
