"""What a check says: one fact with a stable code. Callers: the checks of `ops`, and `lgma doctor`.

Invariant: a code never changes its meaning; its texts are `doctor.<CODE>` and `doctor.<CODE>.hint`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class State(StrEnum):
    OK = "OK"
    WARN = "WARN"
    CRIT = "CRIT"
    UNKNOWN = "UNKNOWN"
    SKIPPED = "SKIPPED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One checked fact. `params` fill the text of `code`."""

    code: str
    state: State
    params: Mapping[str, Any] = field(default_factory=dict)
