"""What a finished task leaves: its words for people, its files on disk.

Callers: `run`, `tasks`, `demo`. Invariant: a path that is printed or stands in an envelope exists and
is complete; names from the server never leave the folder they are written to.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from langgraph_multi_agent.cli.call import Call, fault_error
from langgraph_multi_agent.cli.client import Client
from langgraph_multi_agent.cli.exits import Exit, Trouble
from langgraph_multi_agent.cli.help import columns
from langgraph_multi_agent.cli.layout import printable, wrapped
from langgraph_multi_agent.cli.paper import Block, Facts, Heading, Lines
from langgraph_multi_agent.cli.picture import symbol

EXPORTS = "exports"
"""Where `lgma run` puts what a task made, by task."""
DELETED = "deleted"
"""Where `lgma tasks delete` keeps a copy of what it deletes, by task."""
MAX_SUMMARY_LINES = 12


async def export(
    client: Client, task_id: str, folder: Path, *, inputs: bool = False
) -> list[dict[str, Any]]:
    """Copy a task's files into a folder.

    Args:
        inputs: also the files that the task was given.

    Returns:
        The server's entries, each with `path`, in its order.
    """
    wanted = [
        item for item in await client.artifacts(task_id) if inputs or item.get("kind") != "input"
    ]
    if not wanted:
        return []
    targets = [below(folder, str(item["name"])) for item in wanted]
    made(folder)
    saved = []
    for item, target in zip(wanted, targets, strict=True):
        await client.download(task_id, target.name, target)
        saved.append({**item, "path": str(target.absolute())})
    return saved


def below(folder: Path, name: str) -> Path:
    """A file or folder right below one of ours, by a name or id that a server gave. Raises Trouble."""
    if name in ("", ".", "..") or set(name) & set("/\\") or not name.isprintable():
        raise Trouble("UNSAFE_NAME", name=printable(name))
    return folder / name


def made(folder: Path) -> None:
    """Make a folder of the person's own. Raises Trouble."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise _cannot_write(folder, error) from None


def written(path: Path, content: str) -> None:
    """Write a text file. Raises Trouble."""
    try:
        path.write_text(content, encoding="utf-8")
    except OSError as error:
        raise _cannot_write(path, error) from None


def _cannot_write(path: Path, error: OSError) -> Trouble:
    return Trouble("CANNOT_WRITE", path=str(path), reason=error.strerror or str(error))


def report_path(task: Mapping[str, Any], saved: Sequence[Mapping[str, Any]]) -> str | None:
    """Where the report was written; None if the task has none."""
    name = (task.get("result") or {}).get("report")
    found = next((item for item in saved if item["name"] == name), None)
    found = found or next((i for i in saved if i.get("kind") == "report" and i["name"].endswith(".html")), None)
    return str(found["path"]) if found else None


def exit_code_of(task: Mapping[str, Any]) -> Exit:
    """0 only for a completed task whose review did not fail."""
    is_good = task["status"] == "completed" and (task.get("result") or {}).get("review") != "failed"
    return Exit.OK if is_good else Exit.FAILED


def task_errors(call: Call, task: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Why it failed, for the envelope and for people."""
    error = task.get("error")
    if not isinstance(error, Mapping):
        return []
    code = str(error.get("code") or "INTERNAL_ERROR")
    found = fault_error(call, code, error.get("params") or {})
    for part in ("title", "detail", "hint"):
        found[part] = str(error.get(part) or found[part])
    return [found]


def summary_blocks(call: Call, task: Mapping[str, Any], *, elapsed: str = "") -> list[Block]:
    """What came out, in a few lines."""
    status = str(task["status"])
    result = task.get("result") or {}
    head = f"{symbol(status)} {call.say(f'cli.status.{status}')}  {task.get('title') or ''}"
    blocks: list[Block] = [Heading(f"{head}  {elapsed}".rstrip())]
    lines = [
        line
        for paragraph in str(result.get("summary") or "").splitlines()
        for line in wrapped(paragraph, columns() - 2)
        if line.strip()
    ]
    if len(lines) > MAX_SUMMARY_LINES:
        lines = [*lines[:MAX_SUMMARY_LINES], "…"]
    if lines:
        blocks.append(Lines([f"  {line}" for line in lines]))
    if status == "completed":
        blocks.append(Facts(_facts(call, result)))
    return blocks


def _facts(call: Call, result: Mapping[str, Any]) -> list[tuple[str, str]]:
    facts = []
    review = str(result.get("review") or "")
    if review:
        key = f"cli.review.{review}" if review in ("passed", "failed", "unreviewed") else "cli.review.unreviewed"
        words = call.say(key)
        unchecked = int(result.get("unchecked") or 0)
        if unchecked:
            words += call.say("cli.review.unchecked", count=unchecked)
        facts.append((call.say("cli.label.review"), words))
    counts = [
        call.say(f"cli.count.{name}", count=result[name]) for name in ("findings", "passages") if result.get(name)
    ]
    if counts:
        facts.append((call.say("cli.label.content"), " · ".join(counts)))
    return [(f"  {name}", value) for name, value in facts]
