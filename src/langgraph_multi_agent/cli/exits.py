"""How a command ends: its exit code, and what went wrong in words that lead somewhere.

Callers: every command, and `call`, which turns what is raised into an envelope or lines. Invariant:
the numbers are a contract with scripts (docs: `lgma`'s exit codes); standard library only.
"""

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Any


class Exit(IntEnum):
    """Exit codes of `lgma`."""

    OK = 0
    FAILED = 1
    USAGE = 2
    WARNINGS = 3
    CRITICAL = 4
    UNREACHABLE = 5
    REFUSED = 6
    PARTIAL = 7
    TIMED_OUT = 8
    UNDONE = 9
    UNDO_FAILED = 10
    INTERRUPTED = 130


STATUS_WORDS: Mapping[Exit, str] = {
    Exit.OK: "ok",
    Exit.FAILED: "failed",
    Exit.USAGE: "usage",
    Exit.WARNINGS: "warning",
    Exit.CRITICAL: "critical",
    Exit.UNREACHABLE: "unknown",
    Exit.REFUSED: "refused",
    Exit.PARTIAL: "partial",
    Exit.TIMED_OUT: "timed_out",
    Exit.UNDONE: "undone",
    Exit.UNDO_FAILED: "undo_failed",
    Exit.INTERRUPTED: "interrupted",
}
"""The envelope's `status` for each exit code; never translated."""


class Trouble(Exception):
    """Ends a command with an explanation from the catalogue.

    The texts are `cli.error.<code>.title`, `.detail` (what it means) and `.hint` (what to do).

    Args:
        code: stable, upper case.
        exit_code: what the process ends with.
        data: what the command knows all the same, for the envelope.
        params: values for the texts.
    """

    def __init__(
        self,
        code: str,
        exit_code: Exit = Exit.FAILED,
        *,
        data: Mapping[str, Any] | None = None,
        **params: Any,
    ) -> None:
        self.code, self.exit_code, self.data, self.params = code, exit_code, dict(data or {}), params
        super().__init__(code)


class Refusal(Trouble):
    """What the server answered as a problem (RFC 9457); its words are shown as they are.

    Args:
        problem: `{type, title, status, code, detail, errors}`.
    """

    def __init__(self, problem: Mapping[str, Any]) -> None:
        status = int(problem.get("status") or 500)
        if status in (401, 403, 502, 503):
            exit_code = Exit.UNREACHABLE
        elif status in (408, 504):
            exit_code = Exit.TIMED_OUT
        else:
            exit_code = Exit.FAILED
        super().__init__(str(problem.get("code") or f"HTTP_{status}"), exit_code)
        self.http_status = status
        self.title = str(problem.get("title") or f"HTTP {status}")
        self.detail = str(problem.get("detail") or "")
        self.hint = str(problem.get("hint") or "")
        self.errors: Sequence[Mapping[str, Any]] = [
            item for item in problem.get("errors") or () if isinstance(item, Mapping)
        ]
