"""The doctor's checks, each against a machine that lacks something."""

import asyncio
import json
import os
import socket
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from langgraph_multi_agent.cli.look import usable_settings
from langgraph_multi_agent.i18n import catalogue
from langgraph_multi_agent.ops import data_plane, doctor
from langgraph_multi_agent.ops.finding import Finding, State
from langgraph_multi_agent.settings import Settings

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that is busy is not unfit: only the test of a deadline has a short one."""
    monkeypatch.setattr(doctor, "CHECK_DEADLINE_S", 50.0)
    monkeypatch.setattr(doctor, "SKILL_DEADLINE_S", 50.0)
    monkeypatch.setattr(doctor, "SLOW_SYNC_MS", 60_000.0)


def settings(tmp_path: Path, **overrides: Any) -> Settings:
    return Settings.load({}, data_dir=tmp_path / "data", port=0, **overrides)


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def nobody(_: Path) -> str | None:
    return None


async def test_a_fit_machine_has_one_finding_a_check_and_nothing_is_left_behind(tmp_path: Path) -> None:
    found = await doctor.examine(settings(tmp_path), server_address=nobody)
    states = {finding.code: finding.state for finding in found}
    assert len(states) == 12
    assert {"PYTHON_OK", "SQLITE_OK", "DATA_DIR_NEW", "LOCK_FREE", "PORT_ANY", "SKILL_OK"} <= states.keys()
    assert states["MODEL_NONE"] is State.SKIPPED
    assert State.CRIT not in states.values()
    assert names_in(tmp_path) == [], "not even the data directory is made"


def test_every_finding_has_its_words_and_every_fault_its_remedy() -> None:
    source = "".join(Path(module.__file__).read_text(encoding="utf-8") for module in (doctor, data_plane))
    codes = {key.split(".")[1] for key in catalogue() if key.startswith("doctor.")}
    assert [code for code in codes if f'"{code}"' not in source and not code.startswith("SETTING")] == []
    harmless = {c for c in codes if c.endswith(("_OK", "_FREE", "_ANY", "_OWN", "_HELD", "_NEW", "_NONE", "_UNKNOWN"))}
    assert [code for code in codes - harmless if f"doctor.{code}.hint" not in catalogue()] == []


def test_an_old_python_is_critical() -> None:
    assert doctor.python_version((3, 9, 1)).code == "PYTHON_OLD"
    assert doctor.python_version((3, 11, 0)).state is State.OK


def test_a_file_in_the_data_directory_s_place_is_critical(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    assert doctor.data_directory(tmp_path / "data").code == "DATA_DIR_NOT_DIRECTORY"
    assert doctor.data_directory(tmp_path).code == "DATA_DIR_OK"


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a file system that takes no files: Linux /proc")
def test_a_directory_that_takes_no_files_is_critical() -> None:
    finding = doctor.data_directory(Path("/proc/self/lgma"))
    assert (finding.code, finding.state) == ("DATA_DIR_NOT_WRITABLE", State.CRIT)


@pytest.mark.parametrize(
    ("owner", "code", "state"),
    [(None, "LOCK_FREE", State.OK), ("", "LOCK_SILENT", State.WARN), ("http://x:1", "LOCK_HELD", State.OK)],
)
def test_the_owner_of_the_data_directory_is_named(owner: str | None, code: str, state: State, tmp_path: Path) -> None:
    finding = doctor.lock_owner(tmp_path, owner)
    assert (finding.code, finding.state) == (code, state)


@contextmanager
def listening() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield int(taken.getsockname()[1])


def test_a_taken_port_is_a_warning_unless_our_own_server_has_it() -> None:
    with listening() as port:
        assert doctor.port_free("127.0.0.1", port, None).code == "PORT_TAKEN"
        assert doctor.port_free("127.0.0.1", port, "http://127.0.0.1:1").code == "PORT_TAKEN"
        assert doctor.port_free("127.0.0.1", port, f"http://127.0.0.1:{port}").code == "PORT_OWN"
    assert doctor.port_free("127.0.0.1", port, None).code == "PORT_FREE"


@asynccontextmanager
async def model_server(status: int, body: Mapping[str, Any]) -> AsyncIterator[tuple[str, list[str]]]:
    heads: list[str] = []

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
        content = json.dumps(body).encode()
        head = f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n"
        writer.write(head.encode() + content)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(connect, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", heads


MODELS = {"data": [{"id": "m1"}, {"id": "m2"}]}


@pytest.mark.parametrize(
    ("status", "body", "code", "state"),
    [
        (200, MODELS, "MODEL_OK", State.OK),
        (200, {"data": [{"id": "other"}]}, "MODEL_NOT_LISTED", State.WARN),
        (404, {}, "MODEL_OK", State.OK),
        (401, {}, "MODEL_REFUSED", State.CRIT),
        (500, {}, "MODEL_FAILING", State.WARN),
    ],
)
async def test_a_configured_model_is_asked_over_http(
    status: int, body: Mapping[str, Any], code: str, state: State, tmp_path: Path
) -> None:
    async with model_server(status, body) as (url, heads):
        finding = await doctor.model_reachable(
            settings(tmp_path, llm_model="m1", llm_base_url=url, llm_api_key="secret-key")
        )
    assert (finding.code, finding.state) == (code, state)
    assert "authorization: bearer secret-key" in heads[0].lower()
    assert "secret-key" not in str(finding)


async def test_a_model_that_is_not_there_is_critical(tmp_path: Path) -> None:
    with listening() as port:
        pass
    url = f"http://127.0.0.1:{port}/v1"
    finding = await doctor.model_reachable(settings(tmp_path, llm_model="m1", llm_base_url=url))
    assert (finding.code, finding.state) == ("MODEL_UNREACHABLE", State.CRIT)


async def test_a_model_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "CHECK_DEADLINE_S", 0.2)
    with listening() as port:
        url = f"http://127.0.0.1:{port}/v1"
        finding = await doctor.model_reachable(settings(tmp_path, llm_model="m1", llm_base_url=url))
    assert finding.code == "MODEL_UNREACHABLE"


def test_a_clock_that_went_back_is_seen_by_the_stored_files(tmp_path: Path) -> None:
    now = time.time()
    assert doctor.clock(tmp_path, now=now).code == "CLOCK_OK"
    newer = tmp_path / "lgma.db"
    newer.touch()
    os.utime(newer, (now + 3600, now + 3600))
    finding = doctor.clock(tmp_path, now=now)
    assert (finding.code, finding.params["minutes"]) == ("CLOCK_BEHIND", 60)
    assert doctor.clock(tmp_path, now=0.0).state is State.CRIT


async def test_memory_is_compared_with_what_the_skills_may_take(tmp_path: Path) -> None:
    assert doctor.memory(settings(tmp_path, skill_concurrency=10_000)).code == "MEMORY_LOW"


async def test_a_check_that_breaks_is_unknown_and_hides_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Path) -> Finding:
        raise RuntimeError("no such thing")

    monkeypatch.setattr(doctor, "free_space", broken)
    found = await doctor.examine(settings(tmp_path), server_address=nobody)
    (unknown,) = [finding for finding in found if finding.state is State.UNKNOWN]
    assert (unknown.code, unknown.params["check"]) == ("CHECK_FAILED", "DISK")
    assert len(found) == 12


def test_all_wrong_settings_are_named_at_once_and_the_good_ones_stay(tmp_path: Path) -> None:
    environment = {
        "LGMA_PORT": "abc",
        "LLM_FALLBACK_MODEL": "x",
        "CORS_ORIGINS": '["nonsense"]',
        "LGMA_DATA_DIR": str(tmp_path),
        "MAX_SUBTASKS": "32",
    }
    loaded, faults = usable_settings(environment, {})
    assert {item["field"] for item in faults} == {"LGMA_PORT", "LLM_FALLBACK_MODEL", "CORS_ORIGINS"}
    assert (loaded.data_dir, loaded.max_subtasks) == (tmp_path, 32)
