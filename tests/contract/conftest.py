"""Rules for all contract tests: what is up answers in time, however busy this machine is.

The product gives up on what it asks for within seconds. A test of such a deadline sets it itself.
"""

import math
from collections.abc import Iterator

import pytest

from langgraph_multi_agent.api.auth import tokens
from langgraph_multi_agent.service import health, tasks

PATIENCE_S = 60.0


@pytest.fixture(autouse=True)
def unhurried() -> Iterator[None]:
    """No dependency counts as down, and no count rests, because this process had to wait for its turn."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(health, "CHECK_DEADLINE_S", PATIENCE_S)
        patch.setattr(tokens, "DEADLINE_S", PATIENCE_S)
        patch.setattr(tasks, "FREE_COUNT_S", math.inf)
        yield
