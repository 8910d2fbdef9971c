"""Asking before what cannot simply be taken back.

Callers: commands of risk R2 (asks) and R3 (asks for the name); `watching` for a typed line. Invariant:
without a person at the terminal and without `--yes`, nothing that asks is done, and the exit code is 6.
"""

import sys

from langgraph_multi_agent.cli.call import Call
from langgraph_multi_agent.cli.exits import Exit, Trouble


async def confirm(call: Call, question: str) -> None:
    """Return if the person agrees or `--yes` was given.

    Raises:
        Trouble: exit 6.
    """
    if call.yes:
        return
    if not (call.is_interactive and await typed_line(question + call.say("cli.confirm.yes_no")) in {"y", "yes", "是"}):
        raise Trouble("NOT_CONFIRMED", Exit.REFUSED)


async def confirm_name(call: Call, question: str, *, name: str, given: str | None) -> None:
    """Return if the person typed the name, or gave `--yes --confirm=<name>`.

    Raises:
        Trouble: exit 6.
    """
    if call.yes and given == name:
        return
    is_typed = (
        not call.yes
        and call.is_interactive
        and await typed_line(question + call.say("cli.confirm.type_name", name=name)) == name
    )
    if not is_typed:
        raise Trouble("NAME_NOT_CONFIRMED", Exit.REFUSED, name=name)


async def typed_line(prompt: str) -> str:
    """One typed line; unlike one that a thread reads it ends with its caller, by Ctrl-C or `--timeout`."""
    import asyncio

    loop = asyncio.get_running_loop()
    typed: asyncio.Future[str] = loop.create_future()
    sys.stderr.write(prompt)
    sys.stderr.flush()
    descriptor = sys.stdin.fileno()

    def read() -> None:
        loop.remove_reader(descriptor)
        if typed.done():
            return
        try:
            typed.set_result(sys.stdin.readline().strip())
        except (OSError, ValueError):  # the terminal is gone, or writes in another encoding: that is no yes
            typed.set_result("")

    loop.add_reader(descriptor, read)
    try:
        return await typed
    finally:
        loop.remove_reader(descriptor)
