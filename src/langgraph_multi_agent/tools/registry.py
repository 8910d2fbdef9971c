"""How tools are found: one door for the built-in ones and everybody else's.

Called by bootstrap; agents reach tools by name through `Work.tool`. Invariant: names are unique,
every tool states its effect.
"""

import inspect
from collections.abc import Iterable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from langgraph_multi_agent.domain.errors import SettingsUnsafe
from langgraph_multi_agent.tools.contract import EFFECTS, Effect, Tool

GROUP = "langgraph_multi_agent.tools"


class LangChainTool:
    """A LangChain tool as one of ours.

    It is unsafe unless its metadata says otherwise: `metadata={"effect": "pure"}`.
    """

    def __init__(self, tool: Any) -> None:
        self._tool = tool
        self.name: str = tool.name
        self.titles: Mapping[str, str] = {"zh": tool.name, "en": tool.name}
        self.description: str = tool.description
        self.effect: Effect = (tool.metadata or {}).get("effect", "unsafe")
        self.parameters: Mapping[str, Any] = tool.get_input_schema().model_json_schema()

    async def call(self, arguments: Mapping[str, Any], *, key: str) -> Any:
        return await self._tool.ainvoke(dict(arguments), {"metadata": {"idempotency_key": key}})


def load_tools(
    points: Iterable[EntryPoint] | None = None, *, offered: Mapping[str, Any] | None = None
) -> Mapping[str, Tool]:
    """All registered tools by name.

    Args:
        points: entry points to read; those of the group `langgraph_multi_agent.tools` if None.
            Each names a tool, a class of one, or a LangChain tool.
        offered: what the constructor of a class is given of, by the names of its parameters.

    Raises:
        SettingsUnsafe: one cannot be loaded, is no tool, or takes a name that is taken.
    """
    tools: dict[str, Tool] = {}
    for point in sorted(entry_points(group=GROUP) if points is None else points, key=lambda item: item.name):
        origin = f"{GROUP}:{point.name}"
        try:
            loaded = point.load()
            tool = as_tool(_made(loaded, offered or {}) if isinstance(loaded, type) else loaded)
        except Exception as error:
            raise SettingsUnsafe(setting=origin, reason="not_loadable", detail=repr(error)) from error
        if tool.name in tools:
            raise SettingsUnsafe(setting=origin, reason="name_taken", detail=tool.name)
        tools[tool.name] = tool
    return tools


def _made(kind: type, offered: Mapping[str, Any]) -> Any:
    wanted = inspect.signature(kind).parameters
    return kind(**{name: value for name, value in offered.items() if name in wanted})


def as_tool(value: Any) -> Tool:
    """The value as a tool.

    Raises:
        TypeError: it lacks something of the contract.
    """
    if hasattr(value, "ainvoke") and hasattr(value, "get_input_schema"):
        value = LangChainTool(value)
    missing = [
        name
        for name in ("name", "titles", "description", "effect", "parameters", "call")
        if not hasattr(value, name)
    ]
    if missing:
        raise TypeError(f"{type(value).__name__} has no {', '.join(missing)}")
    if value.effect not in EFFECTS:
        raise TypeError(f"effect {value.effect!r} is none of {', '.join(EFFECTS)}")
    tool: Tool = value
    return tool
