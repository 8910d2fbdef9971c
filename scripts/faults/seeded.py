"""What a seeded fault is, and whether it still fits the tree."""

import re
from dataclasses import dataclass
from pathlib import Path

PACKAGE = "src/langgraph_multi_agent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeded:
    """One bug that a person could have written.

    Attributes:
        name: stable, in words with hyphens.
        breaks: the promise that no longer holds, as a sentence.
        file: path below the package.
        old, new: the text that is there exactly once, and what takes its place.
        tests: node ids of the tests of which at least one must turn red.
    """

    name: str
    breaks: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    def path(self, root: Path) -> Path:
        return root / PACKAGE / self.file


def staleness(fault: Seeded, root: Path) -> list[str]:
    """Why a fault cannot be judged any more; empty if it can."""
    try:
        content = fault.path(root).read_text(encoding="utf-8")
    except FileNotFoundError:
        return [f"{fault.name}: {fault.file} is gone"]
    reasons = []
    count = content.count(fault.old)
    if count != 1:
        reasons.append(f"{fault.name}: its old text stands {count} times in {fault.file}, not once")
    else:
        try:
            compile(content.replace(fault.old, fault.new), fault.file, "exec")
        except SyntaxError as error:
            reasons.append(f"{fault.name}: the new text is no Python ({error.msg}, line {error.lineno})")
    if not fault.tests or fault.old == fault.new:
        reasons.append(f"{fault.name}: changes nothing or expects no test")
    for node in fault.tests:
        file, _, rest = node.partition("::")
        test = rest.partition("[")[0]
        try:
            known = (root / file).read_text(encoding="utf-8")
        except FileNotFoundError:
            reasons.append(f"{fault.name}: {file} is gone")
            continue
        if not re.search(rf"^ *(?:async )?def {re.escape(test)}\(", known, re.MULTILINE):
            reasons.append(f"{fault.name}: {file} has no {test}")
    return reasons
