"""`lgma doctor`: what this machine has and lacks. Called by `program`.

The checks are in `ops.doctor`; here they become a table and an exit code.
"""

import os
from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from langgraph_multi_agent.cli.call import Call, Outcome, setting_reason
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
    from langgraph_multi_agent import bootstrap
    from langgraph_multi_agent.ops.doctor import Finding, State, examine
    from langgraph_multi_agent.settings import Settings

    overrides: dict[str, Any] = {} if data_dir is None else {"data_dir": data_dir}
    findings: list[Finding] = []
    try:
        settings = Settings.load(**overrides)
        findings.append(Finding(code="SETTINGS_OK", state=State.OK))
    except SettingsUnsafe as unsafe:
        findings += [
            Finding(
                code="SETTING_INVALID",
                state=State.CRIT,
                params={"setting": item["field"], "reason": setting_reason(call.language, item)},
            )
            for item in unsafe.errors
        ]
        settings = _without(unsafe, overrides)
    findings += await examine(settings, server_address=bootstrap.server_address)
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
    blocks: list[Block] = [Rows([call.say(f"cli.column.{n}") for n in ("state", "check", "finding")], rows)]
    if hints:
        blocks += [Lines(["", *hints])]
    return Outcome(blocks=blocks, findings=shown, exit_code=exit_code)


def _without(unsafe: SettingsUnsafe, overrides: Mapping[str, Any]) -> "Settings":
    """The settings without those that are wrong, so that the other checks can be made."""
    from langgraph_multi_agent.settings import Settings

    environment = dict(os.environ)
    while True:
        bad = {str(item["field"]) for item in unsafe.errors} & environment.keys()
        if not bad:
            return Settings.load({}, **overrides)
        environment = {name: value for name, value in environment.items() if name not in bad}
        try:
            return Settings.load(environment, **overrides)
        except SettingsUnsafe as again:
            unsafe = again
