"""The contract of a tool, on one page.

Whoever adds a tool implements `Tool`; agents call it through `Work.tool`, the engine enforces
the effect rules. A tool that opens addresses takes `outgoing` in its constructor, the guarded client
(`outgoing.client.Outgoing`); `skills` and `scratch` are given in the same way.
Invariant: arguments and results are JSON, because they are journalled.
"""

from collections.abc import Mapping
from typing import Any, Literal, Protocol, runtime_checkable

Effect = Literal["pure", "idempotent", "unsafe"]
"""What repeating a call does.

`pure`: nothing outside changes; repeated at will. `idempotent`: repeated after a crash with the
same key, the other side counts it once. `unsafe`: never repeated blindly; after a crash the
outcome is unknown, and the tool's `probe` or a person says what happened.
"""

EFFECTS: tuple[Effect, ...] = ("pure", "idempotent", "unsafe")


class Tool(Protocol):
    """One action.

    Attributes:
        name: unique among all tools, snake_case.
        titles: name for people by language, `{"zh", "en"}`.
        description: what it does and when to use it, for models, in English.
        parameters: JSON Schema of the arguments, an object.
    """

    name: str
    titles: Mapping[str, str]
    description: str
    effect: Effect
    parameters: Mapping[str, Any]

    async def call(self, arguments: Mapping[str, Any], *, key: str) -> Any:
        """Do it.

        Args:
            arguments: values for `parameters`.
            key: the same for every repetition of this very call; idempotent tools hand it on.

        Raises:
            InvalidRequest: the arguments do not fit.
        """
        ...


@runtime_checkable
class Probed(Protocol):
    """An unsafe tool that can find out whether a call took effect."""

    async def probe(self, arguments: Mapping[str, Any], *, key: str) -> Mapping[str, Any] | None:
        """`{"result": …}` if the call with this key took effect, None if it did not."""
        ...
