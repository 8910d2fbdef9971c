"""How teams and agents are found: one door for the built-in team and everybody else's.

Called by bootstrap once at start. Hides entry points, YAML files and module attributes.
Invariant: what cannot be loaded refuses to start, naming its origin and field; nothing is
skipped in silence.
"""

import hashlib
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from langgraph_multi_agent.agents.contract import Agent, Team
from langgraph_multi_agent.domain.errors import SettingsUnsafe
from langgraph_multi_agent.domain.task import DEFAULT_TEAM

TEAMS_GROUP = "langgraph_multi_agent.teams"
AGENTS_GROUP = "langgraph_multi_agent.agents"
LANGUAGES = ("zh", "en")
_AGENT_FIELDS = frozenset({"name", "titles", "capabilities", "class", "team"})
_FILE_FIELDS = frozenset({"agent", "team", "disable"})
_TEAM_FIELDS = frozenset({"name", "titles", "based_on", "agents"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanLimits:
    """What planners must keep to; handed to team factories that ask for them by name."""

    max_subtasks: int = 64
    max_depth: int = 16


@dataclass(slots=True, kw_only=True)
class _Draft:
    """Teams while they are put together."""

    teams: dict[str, Team] = field(default_factory=dict)
    added: list[tuple[str, str, Agent]] = field(default_factory=list)
    disabled: list[tuple[str, str, str]] = field(default_factory=list)
    digests: list[tuple[str, str]] = field(default_factory=list)


def load_teams(
    *,
    directory: Path | None = None,
    attributes: str | None = None,
    limits: PlanLimits | None = None,
    team_points: Iterable[EntryPoint] | None = None,
    agent_points: Iterable[EntryPoint] | None = None,
) -> Mapping[str, Team]:
    """All teams by name.

    Later sources win over earlier ones for teams of the same name: entry points, then YAML
    files, then attributes. Agents are added to teams, and disabled ones removed, at the end.

    Args:
        directory: its `*.yaml` and `*.yml` files are read in order of name.
        attributes: `module:attribute`, comma separated; each a Team, a function that returns
            one (it may take `max_subtasks` and `max_depth`), or an agent; an agent joins the team
            that its attribute `team` names, else `default`.
        team_points, agent_points: entry points instead of the installed ones, for tests.

    Raises:
        SettingsUnsafe: a source cannot be read; params `setting` (origin), `reason`, `detail`,
            and `errors` with the field.
    """
    bounds, draft = limits or PlanLimits(), _Draft()
    for point in _sorted(entry_points(group=TEAMS_GROUP) if team_points is None else team_points):
        origin = f"{TEAMS_GROUP}:{point.name}"
        _take(draft, _loaded(origin, "class", point.load), origin, bounds)
    for point in _sorted(entry_points(group=AGENTS_GROUP) if agent_points is None else agent_points):
        origin = f"{AGENTS_GROUP}:{point.name}"
        _take(draft, _loaded(origin, "class", point.load), origin, bounds)
    if directory is not None:
        if not directory.is_dir():
            raise _fault("LGMA_TEAMS_DIR", "directory", "no_directory", str(directory))
        for file in sorted((*directory.glob("*.yaml"), *directory.glob("*.yml"))):
            _read_file(draft, file)
    for reference in filter(None, (part.strip() for part in (attributes or "").split(","))):
        loaded = _loaded("LGMA_TEAMS", reference, partial(_resolve, reference, None))
        _take(draft, loaded, "LGMA_TEAMS", bounds)
    return _assembled(draft)


def _sorted(points: Iterable[EntryPoint]) -> list[EntryPoint]:
    return sorted(points, key=lambda point: point.name)


def _take(draft: _Draft, value: Any, origin: str, limits: PlanLimits) -> None:
    """Put a loaded team, team factory, agent or agent class into the draft."""
    if isinstance(value, type) or (callable(value) and not _is_agent(value)):
        value = _loaded(origin, "class", lambda: _made(value, limits))
    if isinstance(value, Team):
        _check_team(value, origin)
        draft.teams[value.name] = value
    elif _is_agent(value):
        draft.added.append((origin, str(getattr(value, "team", DEFAULT_TEAM)), value))
    else:
        raise _fault(origin, "class", "not_a_team_or_agent", type(value).__name__)


def _made(factory: Callable[..., Any], limits: PlanLimits) -> Any:
    wanted = inspect.signature(factory).parameters
    offered = {"max_subtasks": limits.max_subtasks, "max_depth": limits.max_depth}
    return factory(**{name: value for name, value in offered.items() if name in wanted})


def _read_file(draft: _Draft, file: Path) -> None:
    import yaml

    origin = file.name
    try:
        raw = file.read_bytes()
        content = yaml.safe_load(raw)
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise _fault(origin, "", "not_yaml", " ".join(str(error).split())) from error
    content = _mapping(content, origin, "", _FILE_FIELDS)
    if not content:
        raise _fault(origin, "", "empty", "agent, team or disable expected")
    draft.digests.append((origin, hashlib.sha256(raw).hexdigest()))
    own_team = DEFAULT_TEAM
    if isinstance(content.get("team"), str):
        own_team = content["team"]
    elif "team" in content:
        own_team = _read_team(draft, content["team"], file)
    if "agent" in content:
        agent, team = _read_agent(draft, content["agent"], file, "agent", own_team)
        draft.added.append((origin, team, agent))
    for name in _words(content.get("disable", []), origin, "disable"):
        draft.disabled.append((origin, own_team, name))


def _read_team(draft: _Draft, value: Any, file: Path) -> str:
    """A team of the file's own agents, on the meta agent, decomposer and checks of another."""
    spec = _mapping(value, file.name, "team", _TEAM_FIELDS)
    name = _word(spec, file.name, "team.name")
    base_name = spec.get("based_on", DEFAULT_TEAM)
    base = draft.teams.get(base_name)
    if base is None:
        raise _fault(file.name, "team.based_on", "team_unknown", str(base_name))
    agents: dict[str, Agent] = {}
    entries = spec.get("agents")
    if not isinstance(entries, list) or not entries:
        raise _fault(file.name, "team.agents", "not_a_list", "")
    for place, entry in enumerate(entries):
        if isinstance(entry, str):
            if entry not in base.agents:
                raise _fault(file.name, f"team.agents.{place}", "agent_unknown", entry)
            agents[entry] = base.agents[entry]
        else:
            agent, _ = _read_agent(draft, entry, file, f"team.agents.{place}", name)
            agents[agent.name] = agent
    titles = _titles(spec.get("titles", dict.fromkeys(LANGUAGES, name)), file.name, "team.titles")
    draft.teams[name] = replace(base, name=name, titles=titles, agents=agents)
    return name


def _read_agent(draft: _Draft, value: Any, file: Path, where: str, team: str) -> tuple[Agent, str]:
    spec = _mapping(value, file.name, where, _AGENT_FIELDS)
    reference = _word(spec, file.name, f"{where}.class")
    loaded = _loaded(file.name, f"{where}.class", lambda: _resolve(reference, file.parent))
    agent = _loaded(file.name, f"{where}.class", loaded) if isinstance(loaded, type) else loaded
    path, _, _ = reference.rpartition(":")
    if path.endswith(".py"):
        digest = hashlib.sha256((file.parent / path).read_bytes()).hexdigest()
        draft.digests.append((path, digest))
    stated: dict[str, Any] = {}
    if "name" in spec:
        stated["name"] = _word(spec, file.name, f"{where}.name")
    if "titles" in spec:
        stated["titles"] = _titles(spec["titles"], file.name, f"{where}.titles")
    if "capabilities" in spec:
        stated["capabilities"] = tuple(_words(spec["capabilities"], file.name, f"{where}.capabilities"))
    for attribute, given in stated.items():
        try:
            setattr(agent, attribute, given)
        except (AttributeError, TypeError) as error:
            raise _fault(file.name, f"{where}.{attribute}", "not_settable", str(error)) from error
    if not _is_agent(agent):
        missing = [name for name in _CONTRACT if not hasattr(agent, name)]
        raise _fault(file.name, f"{where}.class", "not_an_agent", ", ".join(missing))
    named = spec.get("team", team)
    if not isinstance(named, str) or not named:
        raise _fault(file.name, f"{where}.team", "not_a_word", repr(named))
    return agent, named


def _assembled(draft: _Draft) -> Mapping[str, Team]:
    members = {name: dict(team.agents) for name, team in draft.teams.items()}
    for origin, team, agent in draft.added:
        if team not in members:
            raise _fault(origin, "agent.team", "team_unknown", team)
        if agent.name in draft.teams[team].agents and draft.teams[team].agents[agent.name] is not agent:
            raise _fault(origin, "agent.name", "name_taken", agent.name)
        members[team][agent.name] = agent
    for origin, team, name in draft.disabled:
        if team not in members or name not in members[team]:
            raise _fault(origin, "disable", "agent_unknown", name)
        del members[team][name]
    return {
        name: replace(
            team, agents=dict(sorted(members[name].items())), version=_version(team, members[name], draft)
        )
        for name, team in sorted(draft.teams.items())
    }


def _version(team: Team, members: Mapping[str, Agent], draft: _Draft) -> str:
    """The team's own version; with other members or files than its own, their digest too."""
    if members == dict(team.agents) and not draft.digests:
        return team.version
    parts = [*sorted(members), *(f"{name}={digest}" for name, digest in sorted(draft.digests))]
    return f"{team.version}+{hashlib.sha256(chr(10).join(parts).encode()).hexdigest()[:12]}"


_CONTRACT = ("name", "titles", "capabilities", "propose", "work")


def _is_agent(value: Any) -> bool:
    return not isinstance(value, type) and all(hasattr(value, name) for name in _CONTRACT)


def _check_team(team: Team, origin: str) -> None:
    for key, agent in team.agents.items():
        if not _is_agent(agent) or agent.name != key:
            raise _fault(origin, f"agents.{key}", "not_an_agent", type(agent).__name__)


def _resolve(reference: str, folder: Path | None) -> Any:
    """`package.module:attribute`, or `file.py:attribute` relative to a folder."""
    path, separator, attribute = reference.rpartition(":")
    if not separator or not path or not attribute:
        raise ValueError("has the form module:attribute")
    if path.endswith(".py"):
        if folder is None:
            raise ValueError("a file can only be named in a YAML file")
        target: Any = _module_of(folder / path)
    else:
        target = importlib.import_module(path)
    for part in attribute.split("."):
        target = getattr(target, part)
    return target


def _module_of(file: Path) -> ModuleType:
    file = file.resolve()
    name = f"lgma_agent_{file.stem}_{hashlib.sha256(str(file).encode()).hexdigest()[:8]}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None or not file.is_file():
        raise FileNotFoundError(file.name)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _loaded(origin: str, where: str, load: Callable[[], Any]) -> Any:
    """Call foreign code; whatever it raises becomes a fault that names its origin."""
    try:
        return load()
    except SettingsUnsafe:
        raise
    except Exception as error:
        raise _fault(origin, where, "not_loadable", f"{type(error).__name__}: {error}") from error


def _fault(origin: str, where: str, reason: str, detail: str) -> SettingsUnsafe:
    place = f"{origin}#{where}" if where else origin
    return SettingsUnsafe(
        errors=(
            {"field": place, "code": f"team_{reason}", "detail": detail, "message": f"{reason}: {detail}"},
        ),
        setting=place,
        reason=reason,
        detail=detail,
    )


def _mapping(value: Any, origin: str, where: str, allowed: frozenset[str]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _fault(origin, where, "not_a_mapping", type(value).__name__)
    unknown = sorted(str(name) for name in value if name not in allowed)
    if unknown:
        raise _fault(origin, f"{where}.{unknown[0]}".lstrip("."), "unknown_field", ", ".join(sorted(allowed)))
    return value


def _word(spec: Mapping[str, Any], origin: str, where: str) -> str:
    value = spec.get(where.rpartition(".")[2])
    if not isinstance(value, str) or not value.strip():
        raise _fault(origin, where, "not_a_word", repr(value))
    return value.strip()


def _words(value: Any, origin: str, where: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
        raise _fault(origin, where, "not_a_list_of_words", repr(value))
    return value


def _titles(value: Any, origin: str, where: str) -> Mapping[str, str]:
    titles = _mapping(value, origin, where, frozenset(LANGUAGES))
    if not titles or not all(isinstance(title, str) and title for title in titles.values()):
        raise _fault(origin, where, "not_titles", repr(value))
    first = next(iter(titles.values()))
    return {language: titles.get(language, first) for language in LANGUAGES}
