"""Building the front end: when there is nothing to do, which Node, and what may be committed."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from scripts import web

ROOT = Path(web.__file__).resolve().parent.parent


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    sources, built = tmp_path / "web", tmp_path / "package" / "web"
    (sources / "src" / "api").mkdir(parents=True)
    (sources / "src" / "main.tsx").write_text("export {}")
    (sources / "package-lock.json").write_text("{}")
    built.mkdir(parents=True)
    for name, value in {
        "ROOT": tmp_path,
        "WEB": sources,
        "BUILT": built,
        "STAMP": built / "build.json",
        "TYPES": sources / "src" / "api" / "schema.d.ts",
    }.items():
        monkeypatch.setattr(web, name, value)
    (built / "index.html").write_text("<!doctype html>")
    web.write_stamp(web.STAMP, web.source_digest())
    return tmp_path


def test_an_up_to_date_build_is_not_done_again(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "node_and_npm", lambda: pytest.fail("nothing is to be built"))
    assert web.main(["build"]) == 0


def test_generated_types_do_not_count_as_a_change(tree: Path) -> None:
    web.TYPES.write_text("export interface paths {}")
    assert web.is_built()


@pytest.mark.parametrize("changed", ["src/main.tsx", "src/new.ts", "package-lock.json"])
def test_a_change_of_the_sources_asks_for_a_build(tree: Path, changed: str) -> None:
    (web.WEB / changed).write_text("changed")
    assert not web.is_built()


def test_a_change_of_the_interface_asks_for_a_build(tree: Path) -> None:
    interface = tree / "src" / "langgraph_multi_agent" / "api"
    interface.mkdir(parents=True)
    (interface / "models.py").write_text("field: int")
    assert not web.is_built()


def test_a_build_that_was_lost_is_done_again(tree: Path) -> None:
    (web.BUILT / "index.html").unlink()
    assert not web.is_built()


def test_a_failed_step_is_told_and_leaves_the_build_before(
    tree: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (web.WEB / "src" / "main.tsx").write_text("broken")

    def fail(*_: object) -> None:
        raise web.WebFailed("the registry did not answer")

    monkeypatch.setattr(web, "node_and_npm", lambda: (Path("node"), Path("npm")))
    monkeypatch.setattr(web, "install", fail)
    assert web.main(["build"]) == 1
    assert "the registry did not answer" in capsys.readouterr().err
    assert (web.BUILT / "index.html").exists()


def test_an_unknown_command_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert web.main(["serve"]) == 2
    assert "build|types|test|lock" in capsys.readouterr().err


def test_a_node_that_is_missing_or_strange_is_not_new_enough(tmp_path: Path) -> None:
    old = tmp_path / "node"
    old.write_text("#!/bin/sh\necho v20.18.1\n")
    old.chmod(0o755)
    assert not web.is_new_enough(str(old))
    old.write_text("#!/bin/sh\necho v22.1.0\n")
    assert web.is_new_enough(str(old))
    assert not web.is_new_enough(str(tmp_path / "none"))


def test_the_interface_is_described_without_a_server() -> None:
    document = web.document()
    assert "/api/v1/tasks" in document["paths"]
    assert "/api/v1/mvp2/tasks" in document["paths"]


def test_the_lock_names_no_registry_and_holds_every_platform() -> None:
    lock = json.loads((ROOT / "web" / "package-lock.json").read_text("utf-8"))
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert [name for name, entry in packages.items() if "resolved" in entry] == []
    # What a package brings inside itself is covered by that package's digest.
    own = {name: entry for name, entry in packages.items() if not entry.get("inBundle")}
    assert [name for name, entry in own.items() if "integrity" not in entry] == []
    missing = [
        f"{name} -> {wanted}"
        for name, entry in packages.items()
        for wanted in entry.get("optionalDependencies", {})
        if not any(known.endswith(f"node_modules/{wanted}") for known in packages)
    ]
    assert missing == []


def test_every_version_of_the_front_end_is_exact() -> None:
    package = json.loads((ROOT / "web" / "package.json").read_text("utf-8"))
    versions = {**package["dependencies"], **package["devDependencies"]}
    assert [name for name, version in versions.items() if not version[0].isdigit()] == []
