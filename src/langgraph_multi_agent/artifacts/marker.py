"""The marker by which every process knows that it sees the same storage as the others.

The storage's root holds `lgma-storage.json` with an id, the database holds the same id
(`installation`, row `artifact_storage`). Both stores call this at start. Invariant: a process
whose storage carries another id than the database never serves; it would lose files silently.
"""

import json
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Self

from langgraph_multi_agent.domain.errors import SettingsUnsafe

MARKER_NAME = "lgma-storage.json"
SETTING = "ARTIFACTS_URL"
FORMAT = 1

Agree = Callable[[str], Awaitable[str]]
"""Offers an id to the installation and gives the id that holds: this one, or an older one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    id: str

    @classmethod
    def new(cls) -> Self:
        return cls(id=uuid.uuid4().hex)

    @classmethod
    def parse(cls, content: bytes) -> Self:
        """Read it back. Raises ValueError for what is no marker of this format."""
        data = json.loads(content)
        if not isinstance(data, dict) or data.get("format") != FORMAT or not isinstance(data.get("id"), str):
            raise ValueError("not a storage marker")
        return cls(id=data["id"])

    def encoded(self) -> bytes:
        return json.dumps({"format": FORMAT, "id": self.id}).encode() + b"\n"


def not_shared(storage: str) -> SettingsUnsafe:
    """This process sees another storage than the processes before it."""
    return SettingsUnsafe(setting=SETTING, reason="artifacts_not_shared", value=storage)


def unreadable(storage: str, detail: str) -> SettingsUnsafe:
    return SettingsUnsafe(setting=SETTING, reason="artifacts_unusable", value=storage, detail=detail)
