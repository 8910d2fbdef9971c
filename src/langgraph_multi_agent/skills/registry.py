"""From a skill's name to its function, without importing any other skill.

Callers: the child process. Invariant: a name can only reach a function `run` inside this package;
`a.b` is module `skills.a.b`. Standard library only, because every child pays for what it imports.
"""

import re
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from langgraph_multi_agent.domain.errors import SkillFailed

Skill = Callable[[Mapping[str, Any]], Mapping[str, Any]]

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}\.[a-z][a-z0-9_]{0,39}", re.ASCII)


def skill(name: str) -> Skill:
    """The function of a skill.

    Args:
        name: `package.skill` in lower snake case, e.g. `tables.profile`.

    Raises:
        SkillFailed: reason `unknown_skill`.
    """
    if not _NAME.fullmatch(name):
        raise SkillFailed(skill=name[:80], reason="unknown_skill")
    module_name = f"{__package__}.{name}"
    package_name = module_name.rpartition(".")[0]
    if find_spec(package_name) is None or find_spec(module_name) is None:
        raise SkillFailed(skill=name, reason="unknown_skill")
    run = getattr(import_module(module_name), "run", None)
    if not callable(run):
        raise SkillFailed(skill=name, reason="unknown_skill")
    found: Skill = run
    return found
