"""A lone worker that was closed; a seeded fault showed that nothing noticed."""

from pathlib import Path

import pytest

from langgraph_multi_agent.worker.lone import LoneWorker


async def test_a_closed_one_does_not_even_try_to_start_a_child(tmp_path: Path) -> None:
    nowhere = (str(tmp_path / "no such program"),)
    with pytest.raises(FileNotFoundError):
        await LoneWorker(nowhere).start()
    closed = LoneWorker(nowhere)
    await closed.close(grace_s=1)
    await closed.start()  # raises nothing
    await closed.close(grace_s=1)
