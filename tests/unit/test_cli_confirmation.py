"""Being asked at a terminal."""

import asyncio
import os
import select
import sys
from collections.abc import Iterator

import pytest

from langgraph_multi_agent.cli.confirmation import typed_line


@pytest.fixture
def keyboard(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The other end of the terminal that is standard input."""
    keyboard, terminal = os.openpty()
    with open(terminal, encoding="utf-8") as stdin:  # noqa: PTH123 - a descriptor
        monkeypatch.setattr(sys, "stdin", stdin)
        yield keyboard
    os.close(keyboard)


def test_a_line_is_what_was_typed(keyboard: int) -> None:
    async def asked() -> str:
        asking = asyncio.create_task(typed_line("? "))
        await asyncio.sleep(0)
        os.write(keyboard, b"yes \n")
        async with asyncio.timeout(60):
            return await asking

    assert asyncio.run(asked()) == "yes"


def test_who_leaves_a_question_open_leaves_nobody_reading(keyboard: int) -> None:
    """A thread that still reads keeps the program from ending, and takes what is typed for the shell."""

    async def asked() -> None:
        asking = asyncio.create_task(typed_line("? "))
        await asyncio.sleep(0)
        asking.cancel()
        await asyncio.wait({asking})
        assert asking.cancelled()
        os.write(keyboard, b"for the shell\n")

    asyncio.run(asked())  # waits for threads
    assert select.select([sys.stdin], [], [], 60)[0]
    assert sys.stdin.readline() == "for the shell\n"
