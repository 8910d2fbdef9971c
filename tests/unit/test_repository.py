"""The repository keeps its own rules: words, texts, files, data."""

import hashlib
import importlib
import inspect
import os
import re
import shutil
import string
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from langgraph_multi_agent import demo, i18n
from langgraph_multi_agent.agents import contract
from langgraph_multi_agent.domain import errors, ports
from langgraph_multi_agent.domain.event import EventType
from langgraph_multi_agent.domain.plan import Subtask, SubtaskStatus
from langgraph_multi_agent.domain.task import Action, TaskStatus
from langgraph_multi_agent.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "langgraph_multi_agent"
MAX_FILE_BYTES = 1024 * 1024


def committed(*patterns: str) -> list[Path]:
    """Files git knows, or in an unpacked archive the files that lie there."""
    git = shutil.which("git")
    if git and (ROOT / ".git").exists():
        listed = subprocess.run(
            [git, "ls-files", "-z", "--", *patterns], cwd=ROOT, check=True, capture_output=True, text=True
        ).stdout.split("\0")
        return [ROOT / name for name in listed if name and (ROOT / name).is_file()]
    kept = ("src", "tests", "scripts", "docs", "requirements", "bench", "web")
    top = [path for path in ROOT.iterdir() if path.is_file()]
    deep = [path for name in kept for path in (ROOT / name).rglob("*") if path.is_file()]
    files = [path for path in (*top, *deep) if "__pycache__" not in path.parts]
    return [path for path in files if not patterns or any(path.match(pattern) for pattern in patterns)]


def text_of(path: Path) -> str:
    content = path.read_bytes()
    return "" if b"\0" in content[:8192] else content.decode("utf-8", errors="replace")


def test_no_committed_file_names_a_place_of_this_machine() -> None:
    # Places that exist on every machine may be named.
    shared = {Path("/"), Path("/tmp"), Path("/usr"), Path("/opt"), Path("/var"), Path("/home")}
    places = {str(place) for place in {ROOT, ROOT.parent, Path.home()} - shared}
    named = re.compile(rf"(?<![\w/.-])(?:{'|'.join(map(re.escape, sorted(places)))})/")
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in committed()
        for match in [named.search(text_of(path))]
        if match
    ]
    assert found == []


def test_no_lock_or_configuration_names_a_download_address() -> None:
    address = re.compile(
        r"(?:index-url|find-links|resolved|registry|url)[^a-z\n]{1,4}\"?(?:https?|file)://", re.IGNORECASE
    )
    patterns = ("*.lock", "*lock.json", "*requirements*.txt", "*.npmrc", "*.toml", "*.cfg", "*.yaml")
    found = [
        str(path.relative_to(ROOT))
        for path in committed(*patterns)
        if address.search(text_of(path))
    ]
    assert found == []


@pytest.mark.parametrize("name", ["build", "dev", "runtime"])
def test_every_locked_requirement_has_a_version_and_hashes_and_no_address(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.lock").read_text(encoding="utf-8")
    requirements = text.replace("\\\n", " ").splitlines()

    assert len(requirements) > 5
    for requirement in requirements:
        assert re.match(r"[a-z0-9-]+(\[[a-z0-9,-]+\])?==\S+ ", requirement), requirement[:60]
        assert "--hash=sha256:" in requirement, requirement[:60]
    assert "://" not in text


def test_the_locks_agree_on_versions() -> None:
    def pins(name: str) -> dict[str, str]:
        text = (ROOT / "requirements" / f"{name}.lock").read_text(encoding="utf-8")
        return dict(re.findall(r"^([a-z0-9-]+)(?:\[[^]]*\])?==(\S+)", text, re.MULTILINE))

    dev = pins("dev")
    for name in ("build", "runtime"):
        assert {key: dev.get(key) for key in pins(name)} == pins(name), name


def test_every_dependency_of_the_project_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    text = (ROOT / "requirements" / "runtime.lock").read_text(encoding="utf-8")
    locked = set(re.findall(r"^([a-z0-9-]+)(?:\[[^]]*\])?==", text, re.MULTILINE))
    named = {re.split(r"[^A-Za-z0-9-]", spec)[0].lower() for spec in project["dependencies"]}
    assert sorted(named - locked) == []


def test_no_committed_file_is_over_one_mebibyte() -> None:
    big = [str(path.relative_to(ROOT)) for path in committed() if path.stat().st_size > MAX_FILE_BYTES]
    assert big == []


def test_modules_say_what_they_are_and_are_named_for_it() -> None:
    vague = re.compile(r"^(utils?|helpers?|common|managers?|handlers?|base_.*|enhanced.*|misc)$")
    unnamed = [str(p.relative_to(PACKAGE)) for p in PACKAGE.rglob("*.py") if vague.match(p.stem)]
    unsaid = [
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        if path.read_text(encoding="utf-8").strip()
        and not re.match(r'(#.*\n)*\s*r?"""', path.read_text(encoding="utf-8"))
    ]
    assert (unnamed, unsaid) == ([], [])


# Texts


def placeholders(template: str) -> set[str]:
    return {name.split(".")[0].split("[")[0] for _, name, _, _ in string.Formatter().parse(template) if name}


def test_every_text_is_there_in_every_language_with_the_same_placeholders() -> None:
    faults = []
    for key, entry in i18n.catalogue().items():
        if set(entry) != set(i18n.LANGUAGES) or not all(text.strip() for text in entry.values()):
            faults.append(f"{key}: languages {sorted(entry)}")
        elif len({frozenset(placeholders(text)) for text in entry.values()}) != 1:
            faults.append(f"{key}: placeholders differ")
    assert faults == []


def all_faults(kind: type[errors.Fault] = errors.Fault) -> list[type[errors.Fault]]:
    return [kind, *(deeper for sub in kind.__subclasses__() for deeper in all_faults(sub))]


def test_every_error_code_has_a_title_and_a_detail_for_people() -> None:
    keys = i18n.catalogue().keys()
    wanted = {f"error.{fault.code}.{part}" for fault in all_faults() for part in ("title", "detail")}
    assert sorted(wanted - keys) == []


def test_error_codes_are_unique() -> None:
    codes = [fault.code for fault in all_faults() if fault.__module__.startswith("langgraph_multi_agent")]
    assert sorted(codes) == sorted(set(codes))


# Words


def glossary() -> list[dict[str, str]]:
    """Rows of the glossary's tables: term, zh, meaning, code."""
    rows = []
    for line in (ROOT / "GLOSSARY.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.startswith("| ") and len(cells) == 4 and cells[0] != "Term" and set(cells[0]) != {"-"}:
            rows.append(dict(zip(("term", "zh", "meaning", "code"), cells, strict=True)))
    return rows


def protocols_of(module: Any) -> set[str]:
    return {
        name
        for name, value in inspect.getmembers(module, inspect.isclass)
        if getattr(value, "_is_protocol", False) and value.__module__ == module.__name__
    }


def test_the_glossary_holds_every_word_that_people_and_programs_meet() -> None:
    words = {word for row in glossary() for word in re.findall(r"`([^`]+)`", row["term"] + row["code"])}
    words |= {word.rpartition(".")[2] for word in words}
    wanted = {
        *(status.value for status in TaskStatus),
        *(status.value for status in SubtaskStatus),
        *(action.value for action in Action),
        *(kind.value.partition(".")[0] + ".*" for kind in EventType),
        *protocols_of(ports),
        *protocols_of(contract),
    }
    assert sorted(wanted - words) == []


def test_every_name_of_the_glossary_exists_in_the_code() -> None:
    missing = []
    for row in glossary():
        for name in re.findall(r"`([a-z_0-9]+(?:\.\w+)+)`", row["code"]):
            module, _, attribute = f"langgraph_multi_agent.{name}".rpartition(".")
            if not hasattr(importlib.import_module(module), attribute):
                missing.append(name)
    assert missing == []


def test_every_term_of_the_glossary_is_said_in_chinese_and_once() -> None:
    rows = glossary()
    terms = [row["term"] for row in rows]
    assert sorted(terms) == sorted(set(terms))
    assert [row["term"] for row in rows if not re.search(r"[\u4e00-\u9fff]", row["zh"])] == []


def test_decisions_are_numbered_listed_and_complete() -> None:
    folder = ROOT / "docs" / "decisions"
    records = sorted(path.name for path in folder.glob("[0-9]*.md"))
    listed = re.findall(r"\((\d{4}-[^)]+\.md)\)", (folder / "README.md").read_text(encoding="utf-8"))

    assert [int(name[:4]) for name in records] == list(range(1, len(records) + 1))
    assert listed == records
    for name in records:
        text = (folder / name).read_text(encoding="utf-8")
        for part in ("status:", "date:", "## Context", "## Decision", "## Consequences"):
            assert part in text, (name, part)


def test_relative_links_of_the_documents_lead_somewhere() -> None:
    broken = []
    for document in committed("*.md"):
        if PACKAGE in document.parents and document.name != "PROVENANCE.md":
            continue
        links = re.findall(r"\]\((?!https?://|#|mailto:)([^)#\s]+)", text_of(document))
        broken += [f"{document.name}: {link}" for link in links if not (document.parent / link).exists()]
    assert broken == []


# Documents


def test_every_setting_is_documented_with_its_default() -> None:
    text = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `([A-Z_<>]+)` \| ([^|]*) \|", text, re.MULTILINE))
    described = {info.variable: info for info in Settings.describe()}

    assert sorted(rows) == sorted(described)
    for variable, info in described.items():
        if isinstance(info.default, (bool, int, float, str)) and info.default != "":
            shown = f"{info.default:g}" if isinstance(info.default, float) else str(info.default)
            assert rows[variable] == f"`{shown}`", variable


def commands_of(command: Any, path: str) -> list[str]:
    inner = getattr(command, "commands", None)
    if inner is None:
        return [path]
    return [leaf for name, item in inner.items() for leaf in commands_of(item, f"{path} {name}")]


def test_every_command_and_exit_code_is_documented() -> None:
    from langgraph_multi_agent.cli import program
    from langgraph_multi_agent.cli.exits import Exit

    text = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    documented = re.findall(r"^\| `(lgma [a-z -]+)` \|", text, re.MULTILINE)
    codes = {int(code) for code in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)}

    assert sorted(documented) == sorted(commands_of(program.build(), "lgma"))
    assert {int(code) for code in Exit} <= codes


async def test_the_example_agent_of_the_contributors_guide_works(tmp_path: Path) -> None:
    guide = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    [example] = re.findall(r"```python\n(.*?)```", guide, re.DOTALL)
    names: dict[str, Any] = {"__name__": "my_agents"}
    exec(textwrap.dedent(example), names)
    agent: contract.Agent = names["LineCounter"]()
    table = tmp_path / "a.csv"
    table.write_text("x\n1\n2\n", encoding="utf-8")
    understanding = contract.Understanding(
        goal="count",
        language="en",
        inputs=(contract.InputInfo(name="a.csv", kind="table", digest="0" * 64, size_bytes=6),),
    )

    [proposal] = agent.propose(understanding)
    subtask = Subtask(
        id=proposal.key,
        title=proposal.title,
        capability=proposal.capability,
        agent=agent.name,
        inputs=proposal.inputs,
    )

    async def path(name: str) -> Path:
        return tmp_path / name

    work: Any = SimpleNamespace(subtask=subtask, input=lambda name: name, path=path)
    result = await agent.work(work)

    assert proposal.capability in agent.capabilities
    assert result.data == {"lines": 3}


# Data


@pytest.mark.parametrize("data_set", demo.DATA_SETS, ids=lambda data_set: data_set.name)
def test_bundled_data_is_what_its_provenance_says(data_set: demo.DataSet) -> None:
    content = demo.data_path(data_set).read_bytes()
    lines = content.decode("utf-8").splitlines()
    provenance = (PACKAGE / "demo" / "PROVENANCE.md").read_text(encoding="utf-8")

    assert hashlib.sha256(content).hexdigest() == data_set.sha256
    assert tuple(lines[0].split(",")) == data_set.columns
    assert len(lines) - 1 == data_set.rows
    assert data_set.sha256 in provenance
    assert f"{data_set.rows:,} rows" in provenance


# The suite's own rules


def run_pytest(folder: Path, *, ci: bool, test: str) -> subprocess.CompletedProcess[str]:
    """Run one test file under a copy of this suite's conftest."""
    shutil.copy(ROOT / "tests" / "conftest.py", folder / "conftest.py")
    (folder / "test_case.py").write_text(test, encoding="utf-8")
    (folder / "pytest.ini").write_text(f"[pytest]\npythonpath = {ROOT}\n", encoding="utf-8")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST", "COV_"))}
    environment["CI"] = "true" if ci else "false"
    environment["LLM_API_KEY"] = "from the shell"
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", str(folder)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=250,
    )


SKIPPING = """
import pytest

@pytest.mark.skip(reason="no engine here")
def test_a(): ...

def test_b():
    assert True
"""


@pytest.mark.timeout(300)
def test_a_skipped_test_fails_the_session_under_ci_and_is_named(tmp_path: Path) -> None:
    run = run_pytest(tmp_path, ci=True, test=SKIPPING)
    assert run.returncode == 1, run.stdout + run.stderr
    assert "test_case.py::test_a: Skipped: no engine here" in run.stdout


@pytest.mark.timeout(300)
def test_a_skipped_test_is_only_a_skip_elsewhere(tmp_path: Path) -> None:
    run = run_pytest(tmp_path, ci=False, test=SKIPPING)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.timeout(300)
def test_a_test_that_leaves_the_machine_fails_and_the_shell_does_not_reach_in(tmp_path: Path) -> None:
    test = """
import os, socket
import pytest

def test_connect():
    with pytest.raises(AssertionError, match="loopback only"):
        socket.create_connection(("192.0.2.1", 80), timeout=1)

def test_look_up():
    with pytest.raises(AssertionError, match="loopback only"):
        socket.getaddrinfo("example.org", 80)

def test_loopback_is_open():
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), timeout=60).close()

def test_shell():
    assert "LLM_API_KEY" not in os.environ
"""
    run = run_pytest(tmp_path, ci=True, test=test)
    assert run.returncode == 0, run.stdout + run.stderr
