"""`lgma doctor`: what this machine has and lacks. Called by `program`.

The checks are in `ops.doctor`; here they become a table and an exit code.
"""

import os
from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from langgraph_multi_agent.cli.call import Call, Outcome, reason_of
from langgraph_multi_agent.cli.connection import DataDir
from langgraph_multi_agent.cli.exits import Exit
from langgraph_multi_agent.cli.paper import Block, Lines, Rows
from langgraph_multi_agent.domain.errors import SettingsUnsafe
from langgraph_multi_agent.i18n import catalogue

if TYPE_CHECKING:
    from langgraph_multi_agent.settings import Settings


class FailOn(StrEnum):
    WARNING = "warning"
    CRITICAL = "critical"


FailOnOption = Annotated[
    FailOn, typer.Option("--fail-on", metavar="warning|critical", help="cli.option.fail_on")
]
STATE_SYMBOLS = {"OK": "●", "WARN": "◆", "CRIT": "▲", "UNKNOWN": "○", "SKIPPED": "⊘"}


async def doctor(call: Call, fail_on: FailOnOption = FailOn.CRITICAL, data_dir: DataDir = None) -> Outcome:
    """Check what the system needs on this machine; changes nothing."""
    from langgraph_multi_agent.ops.data_directory import server_address
    from langgraph_multi_agent.ops.doctor import examine
    from langgraph_multi_agent.ops.finding import Finding, State

    overrides: dict[str, Any] = {} if data_dir is None else {"data_dir": data_dir}
    settings, faults = usable_settings(os.environ, overrides)
    findings = [
        Finding(
            code="SETTING_INVALID",
            state=State.CRIT,
            params={"setting": item["field"], "reason": reason_of(call.language, item)},
        )
        for item in faults
    ] or [Finding(code="SETTINGS_OK", state=State.OK)]
    findings += await examine(settings, server_address=server_address)
    worst = {finding.state for finding in findings}
    exit_code = Exit.OK
    if State.CRIT in worst:
        exit_code = Exit.CRITICAL
    elif State.UNKNOWN in worst:
        exit_code = Exit.UNREACHABLE
    elif State.WARN in worst and fail_on is FailOn.WARNING:
        exit_code = Exit.WARNINGS
    rows, hints, shown = [], [], []
    for finding in findings:
        message = call.say(f"doctor.{finding.code}", **finding.params)
        hint_key = f"doctor.{finding.code}.hint"
        hint = call.say(hint_key, **finding.params) if hint_key in catalogue() else ""
        rows.append([f"{STATE_SYMBOLS[finding.state]} {finding.state}", finding.code, message])
        if hint and finding.state in (State.WARN, State.CRIT, State.UNKNOWN):
            hints.append(f"→ {finding.code}: {hint}")
        shown.append(
            {
                "code": finding.code,
                "state": finding.state.value,
                "message": message,
                "hint": hint,
                "params": dict(finding.params),
            }
        )
    blocks: list[Block] = [Rows([call.say(f"cli.column.{n}") for n in ("state", "check", "finding")], rows, wraps=True)]
    if hints:
        blocks += [Lines(["", *hints])]
    return Outcome(blocks=blocks, findings=shown, exit_code=exit_code)


def usable_settings(
    env: Mapping[str, str], overrides: Mapping[str, Any]
) -> tuple["Settings", list[Mapping[str, Any]]]:
    """The settings without those that are wrong, and what is wrong with each of them.

    So the other checks can still be made, and nobody has to correct one fault to see the next.
    """
    from langgraph_multi_agent.settings import Settings

    faults: list[Mapping[str, Any]] = []
    environment = dict(env)
    while True:
        try:
            return Settings.load(environment, **overrides), faults
        except SettingsUnsafe as unsafe:
            faults += unsafe.errors
            bad = {str(item["field"]) for item in unsafe.errors} & environment.keys()
            environment = {n: v for n, v in environment.items() if n not in bad} if bad else {}
