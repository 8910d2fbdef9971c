"""What a killed process left in its scratch folder does not stay on the disk."""

from pathlib import Path

from langgraph_multi_agent.bootstrap import open_application
from langgraph_multi_agent.settings import Settings


async def test_leftovers_of_killed_skills_are_gone_at_the_next_start(tmp_path: Path) -> None:
    leftover = tmp_path / "scratch" / "lgma-skill-killed" / "table.duckdb"
    leftover.parent.mkdir(parents=True)
    leftover.write_bytes(b"x" * 1000)
    async with open_application(Settings.load({}, data_dir=tmp_path)):
        assert list((tmp_path / "scratch").iterdir()) == []
