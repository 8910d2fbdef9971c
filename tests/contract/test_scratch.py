"""What a killed process left in its scratch folder does not stay on the disk; a living one's stays."""

import subprocess
import sys
from pathlib import Path

from langgraph_multi_agent.bootstrap import open_application
from langgraph_multi_agent.bootstrap.adapters import _own_scratch
from langgraph_multi_agent.settings import Settings

HOLDER = """
import sys
from pathlib import Path
from langgraph_multi_agent.bootstrap.adapters import _own_scratch
from langgraph_multi_agent.settings import Settings
settings = Settings.load({}, data_dir=Path(sys.argv[1]), database_url="postgresql://u@localhost/d")
with _own_scratch(settings) as folder:
    (folder / "file").write_text("in use")
    print(folder, flush=True)
    sys.stdin.read()
"""


def shared(data_dir: Path) -> Settings:
    return Settings.load({}, data_dir=data_dir, database_url="postgresql://u@localhost/d")


async def test_leftovers_of_killed_skills_are_gone_at_the_next_start(tmp_path: Path) -> None:
    leftover = tmp_path / "scratch" / "lgma-skill-killed" / "table.duckdb"
    leftover.parent.mkdir(parents=True)
    leftover.write_bytes(b"x" * 1000)
    async with open_application(Settings.load({}, data_dir=tmp_path)):
        assert list((tmp_path / "scratch").iterdir()) == []


def test_in_a_shared_directory_only_the_scratch_of_the_dead_is_removed(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        used = Path(holder.stdout.readline().strip()) / "file"
        with _own_scratch(shared(tmp_path)) as first, _own_scratch(shared(tmp_path)) as second:
            assert used.read_text() == "in use"
            assert len({used.parent, first, second}) == 3
        holder.kill()
        holder.wait()
    assert used.exists()
    with _own_scratch(shared(tmp_path)) as mine:
        assert {path.name for path in mine.parent.iterdir()} == {mine.name, f"{mine.name}.lock"}
    assert list((tmp_path / "scratch").iterdir()) == []


def test_a_folder_that_nobody_locked_may_be_in_use_and_stays(tmp_path: Path) -> None:
    unknown = tmp_path / "scratch" / "4000001"
    unknown.mkdir(parents=True)
    with _own_scratch(shared(tmp_path)):
        assert unknown.is_dir()
