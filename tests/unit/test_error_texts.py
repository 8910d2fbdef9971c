"""The errors that runs leave in tasks have words, filled with what those errors bring."""

from string import Formatter
from typing import Any

import pytest

from langgraph_multi_agent.i18n import catalogue
from langgraph_multi_agent.i18n.errors import describe

LEFT_IN_TASKS: list[tuple[str, dict[str, Any]]] = [
    ("AGENT_RESET", {"agent": "data_analyst"}),
    ("SUBTASK_TIMEOUT", {"limit_s": 900.0}),
    ("WORKFLOW_TIMEOUT", {"limit_s": 3600.0}),
    ("QUALITY_CHECK_FAILED", {"criteria": "a: has rows", "reason": "none was found", "rounds": 2}),
]


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize(("code", "params"), LEFT_IN_TASKS)
def test_an_error_is_told_with_everything_it_brings(code: str, params: dict[str, Any], language: str) -> None:
    names = {name for _, name, _, _ in Formatter().parse(catalogue()[f"error.{code}.detail"][language]) if name}
    assert names <= params.keys()
    told = describe(code, params, language)
    assert told.hint
    assert ".0" not in told.detail
    assert all(str(params[name]).removesuffix(".0") in told.detail for name in names)
