"""How a refusal is told: one entry for each setting that is wrong, the first of them in the sentence.

Hides the shape of `SettingsUnsafe`. Callers: the checks, and `Settings`. Invariant: an entry names its
variable and a reason with a text (`settings.reason.<code>`), and never repeats a value that may be secret.
"""

from typing import Any

from langgraph_multi_agent.domain.errors import SettingsUnsafe


def fault(setting: str, reason: str, message: str, **params: Any) -> dict[str, Any]:
    return {"field": setting, "code": reason, "message": message, **params}


def refusal(faults: list[dict[str, Any]]) -> SettingsUnsafe:
    first = faults[0]
    return SettingsUnsafe(
        errors=faults, setting=first["field"], reason=first["code"], detail=first["message"]
    )
