"""Tools under their effect rules: what a crash in the middle of a call means.

`pure` tools are called again at will. Others are `claimed` in the ledger, committed alone, before
the call. A claim by an epoch that has passed: an idempotent tool repeats with the same key; an
unsafe one is probed, or a person says what happened.
"""

import itertools
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from langgraph_multi_agent.domain.errors import SubtaskFailed
from langgraph_multi_agent.domain.ports import Step
from langgraph_multi_agent.engine.context import RunContext
from langgraph_multi_agent.i18n import text
from langgraph_multi_agent.tools.contract import Probed, Tool

Ask = Callable[..., Awaitable[Mapping[str, Any]]]


async def call(
    context: RunContext, tool: Tool, arguments: Mapping[str, Any], *, key: str, ask: Ask
) -> Any:
    """Call a tool once for this key, across crashes.

    Raises:
        SubtaskFailed: a person said that the call's outcome must not be repeated.
    """
    effect_key = f"{context.task.id}:{key}"
    if tool.effect == "pure":
        return await tool.call(arguments, key=effect_key)
    state, result = await context.effects.claim(key, tool.name)
    if state == "done":
        return result
    if state == "orphan" and tool.effect == "unsafe":
        found = await _find_out(context, tool, arguments, key=key, effect_key=effect_key, ask=ask)
        if found is not None:
            await context.effects.settle(key, state="done", result=found["result"])
            return found["result"]
    context.signals.check_lease()
    result = await tool.call(arguments, key=effect_key)
    await context.effects.settle(key, state="done", result=result)
    return result


async def _find_out(
    context: RunContext, tool: Tool, arguments: Mapping[str, Any], *, key: str, effect_key: str, ask: Ask
) -> Mapping[str, Any] | None:
    if isinstance(tool, Probed):
        return await tool.probe(arguments, key=effect_key)
    await context.effects.settle(key, state="unknown", result=None)
    language = context.task.language
    title = tool.titles.get(language, tool.name)
    question = text("engine.effect_unknown", language, tool=title)
    for count in itertools.count(1):
        answer = await ask(question, kind="approval")
        if not answer.get("approved"):
            raise SubtaskFailed(reason="effect unknown", tool=tool.name, retryable=False)
        used = f"{key}/repeated/{count}"
        if context.journal.read(used) is None:  # one approval, one repetition: the next crash asks again
            await context.journal.commit(Step(key=used, input_hash="", result=None))
            break
    return None
