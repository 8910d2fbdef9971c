import os
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from tests.support.work import MemoryWork

from langgraph_multi_agent.agents.contract import Team, Understanding
from langgraph_multi_agent.agents.registry import PlanLimits, load_teams
from langgraph_multi_agent.domain.errors import SettingsUnsafe
from langgraph_multi_agent.i18n import catalogue
from langgraph_multi_agent.i18n.errors import describe

BUILTIN = EntryPoint("default", "langgraph_multi_agent.agents.builtin:team", "langgraph_multi_agent.teams")
ROOT = Path(__file__).parents[3]

AGENT_FILE = """
from langgraph_multi_agent.agents.contract import Proposal
from langgraph_multi_agent.domain.result import SubtaskResult


class Counter:
    name = "counter"
    titles = {"zh": "计数", "en": "Counter"}
    capabilities = ("counting",)

    def propose(self, understanding):
        return [Proposal(key="count", title="Count", capability=self.capabilities[0])]

    async def work(self, work):
        return SubtaskResult(summary=str(len(work.request)))
"""
AGENT_YAML = """
agent:
  name: line_counter
  titles: {zh: 行数统计, en: Line counter}
  capabilities: [line_counting]
  class: counter.py:Counter
"""


def teams(directory: Path | None = None, attributes: str | None = None, **options: object) -> dict[str, Team]:
    return dict(
        load_teams(
            directory=directory,
            attributes=attributes,
            team_points=[BUILTIN],
            agent_points=options.get("agent_points", ()),  # type: ignore[arg-type]
            limits=options.get("limits"),  # type: ignore[arg-type]
        )
    )


def written(directory: Path, **files: str) -> Path:
    for name, content in files.items():
        stem, _, suffix = name.rpartition("_")
        (directory / f"{stem}.{suffix}").write_text(content, encoding="utf-8")
    return directory


async def planned_agents(tmp_path: Path, team: Team) -> set[str]:
    understanding = Understanding(goal="How do I cancel a task?", language="en", handbook=True)
    work = MemoryWork(directory=tmp_path, understanding=understanding)
    plan = await team.task_decomposer.decompose(work, understanding, team.agents)
    return {item.agent for item in plan.subtasks}


def test_the_builtin_team_comes_through_the_entry_point() -> None:
    team = teams()["default"]
    assert set(team.agents) == {"data_analyst", "generalist", "researcher", "reviewer", "writer"}
    assert set(team.titles) == {"zh", "en"}


def test_pyproject_registers_the_builtin_team_and_tools() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    points = project["project"]["entry-points"]
    assert points[BUILTIN.group] == {"default": BUILTIN.value}
    for group, entries in points.items():
        for name, value in entries.items():
            assert EntryPoint(name, value, group).load() is not None


def test_factories_get_the_limits_they_ask_for() -> None:
    team = teams(limits=PlanLimits(max_subtasks=3, max_depth=2))["default"]
    assert team.task_decomposer._max_subtasks == 3  # type: ignore[attr-defined]


async def test_one_file_and_one_yaml_outside_src_join_the_plan(tmp_path: Path) -> None:
    before = await planned_agents(tmp_path, teams()["default"])
    directory = tmp_path / "teams"
    directory.mkdir()
    written(directory, counter_py=AGENT_FILE, counter_yaml=AGENT_YAML)
    team = teams(directory)["default"]
    assert await planned_agents(tmp_path, team) - before == {"line_counter"}
    assert team.agents["line_counter"].titles["zh"] == "行数统计"
    assert team.agents["line_counter"].capabilities == ("line_counting",)


async def test_a_disabled_agent_leaves_the_plan(tmp_path: Path) -> None:
    assert "researcher" in await planned_agents(tmp_path, teams()["default"])
    directory = tmp_path / "teams"
    directory.mkdir()
    written(directory, counter_py=AGENT_FILE, a_yaml=AGENT_YAML, b_yaml="disable: [researcher]")
    team = teams(directory)["default"]
    assert "researcher" not in team.agents
    assert "researcher" not in await planned_agents(tmp_path, team)


def test_the_version_changes_with_the_members_and_their_files(tmp_path: Path) -> None:
    plain = teams()["default"].version
    written(tmp_path, counter_py=AGENT_FILE, counter_yaml=AGENT_YAML)
    with_agent = teams(tmp_path)["default"].version
    written(tmp_path, counter_py=AGENT_FILE.replace("len(", "2 * len("))
    assert len({plain, with_agent, teams(tmp_path)["default"].version}) == 3
    assert teams()["default"].version == plain


def test_a_team_file_makes_an_own_team_of_old_and_new_agents(tmp_path: Path) -> None:
    own = """
team:
  name: counting
  titles: {en: Counting}
  agents:
    - writer
    - reviewer
    - class: counter.py:Counter
"""
    written(tmp_path, counter_py=AGENT_FILE, own_yaml=own)
    found = teams(tmp_path)
    assert set(found) == {"default", "counting"}
    assert set(found["counting"].agents) == {"counter", "reviewer", "writer"}
    assert found["counting"].titles == {"zh": "Counting", "en": "Counting"}
    assert set(found["default"].agents) == {"data_analyst", "generalist", "researcher", "reviewer", "writer"}


def test_teams_and_agents_come_from_attributes_and_entry_points(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = AGENT_FILE + (
        "\nfrom dataclasses import replace\nfrom langgraph_multi_agent.agents.builtin import team as builtin\n"
        "def mine():\n    return replace(builtin(), name='mine')\n"
    )
    (tmp_path / "lgma_registry_probe.py").write_text(own, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    found = teams(attributes="lgma_registry_probe:mine, lgma_registry_probe:Counter")
    assert set(found) == {"default", "mine"}
    assert "counter" in found["default"].agents
    assert "counter" not in found["mine"].agents
    point = EntryPoint("counter", "lgma_registry_probe:Counter", "langgraph_multi_agent.agents")
    assert "counter" in teams(agent_points=[point])["default"].agents


@pytest.mark.parametrize(
    ("content", "field", "reason"),
    [
        ("agent: [", "", "not_yaml"),
        ("", "", "not_a_mapping"),
        ("{}", "", "empty"),
        ("agnet: {}", "agnet", "unknown_field"),
        ("agent: {class: 'counter.py:Counter', colour: red}", "agent.colour", "unknown_field"),
        ("agent: {name: x}", "agent.class", "not_a_word"),
        ("agent: {class: 'counter.py:Missing'}", "agent.class", "not_loadable"),
        ("agent: {class: 'missing.py:Counter'}", "agent.class", "not_loadable"),
        ("agent: {class: 'counter.py:SubtaskResult'}", "agent.class", "not_loadable"),
        ("agent: {class: 'pathlib:Path'}", "agent.class", "not_an_agent"),
        ("agent: {class: 'counter.py:Counter', team: nowhere}", "agent.team", "team_unknown"),
        ("agent: {class: 'counter.py:Counter', name: writer}", "agent.name", "name_taken"),
        (
            "agent: {class: 'counter.py:Counter', capabilities: many}",
            "agent.capabilities",
            "not_a_list_of_words",
        ),
        ("agent: {class: 'counter.py:Counter', titles: {fr: Compteur}}", "agent.titles.fr", "unknown_field"),
        ("disable: [nobody]", "disable", "agent_unknown"),
        ("disable: writer", "disable", "not_a_list_of_words"),
        ("team: {name: x, agents: [nobody]}", "team.agents.0", "agent_unknown"),
        ("team: {name: x, based_on: y, agents: [writer]}", "team.based_on", "team_unknown"),
    ],
)
def test_a_wrong_file_refuses_to_start_and_names_itself_and_the_field(
    tmp_path: Path, content: str, field: str, reason: str
) -> None:
    written(tmp_path, counter_py=AGENT_FILE, wrong_yaml=content)
    with pytest.raises(SettingsUnsafe) as caught:
        teams(tmp_path)
    assert caught.value.params["setting"].startswith("wrong.yaml")
    assert caught.value.params["reason"] == reason
    assert caught.value.errors[0]["field"].partition("#")[2] == field
    for language in ("zh", "en"):
        shown = describe(caught.value.code, caught.value.params, language, errors=caught.value.errors).detail
        assert "wrong.yaml" in shown
        assert f"team_{reason}" not in shown
        assert f"error.field.team_{reason}" in catalogue()


@pytest.mark.parametrize("attributes", ["nothing_here:team", "pathlib:Path", "json:nothing", "justaword"])
def test_a_wrong_attribute_refuses_to_start(attributes: str) -> None:
    with pytest.raises(SettingsUnsafe) as caught:
        teams(attributes=attributes)
    assert caught.value.params["setting"].startswith("LGMA_TEAMS")


def test_a_missing_directory_refuses_to_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsUnsafe) as caught:
        teams(tmp_path / "absent")
    assert caught.value.params["setting"].startswith("LGMA_TEAMS_DIR")


def test_loading_the_team_imports_no_heavy_library() -> None:
    program = (
        "import sys; from langgraph_multi_agent.agents.builtin import team; team(); "
        "heavy = {'duckdb', 'matplotlib', 'numpy', 'jieba', 'langchain_core', 'langgraph', 'bm25s', 'pydantic'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment
    )
    assert found.stdout.strip() == "[]"
