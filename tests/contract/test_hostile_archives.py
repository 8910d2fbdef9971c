"""Archives that lie, bombs and entities: refused by name and reason, with little memory and nothing left behind."""

import resource
import warnings
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.support.hostile_archives import (
    CANARY,
    DOCX,
    XLSX,
    greedy,
    packed,
    parts_of,
    spoiled_by,
    with_name,
)
from tests.support.hostile_paths import paths

from langgraph_multi_agent.domain.errors import (
    Fault,
    InputTooLarge,
    InputUnreadable,
    InputUnsafe,
    LimitExceeded,
)
from langgraph_multi_agent.skills.documents.archive import check_archive as check_document
from langgraph_multi_agent.skills.documents.extraction import extract
from langgraph_multi_agent.skills.runner import ChildProcessSkillRunner
from langgraph_multi_agent.skills.tables.limits import TableLimits
from langgraph_multi_agent.skills.tables.source import open_table
from langgraph_multi_agent.skills.tables.workbook import check_archive as check_workbook

LIMITS = TableLimits()
REFUSALS = (InputUnreadable, InputUnsafe, InputTooLarge)
REASONS = {"path_traversal", "duplicate_member", "broken_archive", "not_a_workbook"}
"""Of names; the last two say that the directory cannot be read with such a one in it."""
CHILD_BYTES = 512 * 1024**2
GROWTH_KB = 200 * 1024
"""Of this process over all cases; laughs and overlapping members would come to gigabytes."""


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where temporary files would be left, and the working directory."""
    directory = tmp_path / "scratch"
    directory.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(directory))
    monkeypatch.chdir(directory)
    yield directory
    assert list(directory.iterdir()) == []


def read(path: Path, kind: str) -> str:
    if kind == DOCX:
        return extract(path, kind).text
    with open_table(path, kind, LIMITS) as table:
        return str(table.all("SELECT * FROM data"))


def told(act: Callable[[Path, str], object], path: Path, kind: str) -> Mapping[str, Any]:
    """What a refusal says; of an act that is not refused its outcome."""
    try:
        return {"outcome": act(path, kind)}
    except REFUSALS as fault:
        return fault.params


@pytest.mark.parametrize("kind", [DOCX, XLSX])
def test_every_spoiled_archive_is_refused_with_a_reason(tmp_path: Path, scratch: Path, kind: str) -> None:
    canary, path = tmp_path / "canary", tmp_path / "blob"
    canary.write_text(CANARY)
    path.write_bytes(packed(parts_of(kind)))
    assert read(path, kind)
    before, got, count = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, {}, 0
    for what, content in spoiled_by(kind):
        path.write_bytes(content.replace(b"@CANARY@", str(canary).encode()))
        count += 1
        said = told(read, path, kind)
        if not said.get("reason") or CANARY in str(said):
            got[what] = said
        assert list(scratch.iterdir()) == [], what
    assert got == {}
    assert count >= 50
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < GROWTH_KB


@pytest.mark.parametrize("kind", [DOCX, XLSX])
def test_no_member_name_leads_out_of_an_archive(tmp_path: Path, scratch: Path, kind: str) -> None:
    path, seen, refused = tmp_path / "blob", 0, 0
    for name in paths(tmp_path / "canary"):
        with warnings.catch_warnings(action="ignore"):  # of two members with one name
            path.write_bytes(with_name(name))
        seen += 1
        plain = name.replace("\\", "/")
        is_outside = plain.startswith("/") or ".." in plain.split("/") or "\0" in name
        check = check_document if kind == DOCX else partial(check_workbook, limits=LIMITS)
        reason = told(check, path, kind).get("reason")
        assert reason in REASONS or (reason is None and not is_outside), (name, reason)
        refused += reason is not None
    assert seen >= 500
    assert refused >= 80
    assert [one.name for one in tmp_path.iterdir() if one != scratch] == ["blob"]


@pytest.mark.anyio
async def test_what_grows_when_it_is_understood_ends_with_its_child(tmp_path: Path) -> None:
    scratch = tmp_path / "children"
    scratch.mkdir()
    runner = ChildProcessSkillRunner(memory_bytes=CHILD_BYTES, scratch=scratch)
    ends: dict[str, str] = {}
    for what, (name, make) in greedy().items():
        path = tmp_path / "blob"
        path.write_bytes(make())
        skill = "documents.inspect" if name == DOCX else "tables.profile"
        try:
            await runner.run(skill, {"path": str(path), "file": str(path), "name": name})
            ends[what] = "read"
        except Fault as fault:
            ends[what] = fault.code
        assert list(scratch.iterdir()) == []
    assert ends == {
        "one long text in every cell": LimitExceeded.code,
        "two corners of the largest sheet": LimitExceeded.code,
        "elements nested 60 000 deep": InputUnreadable.code,
        "styles in a circle": "read",
    }
