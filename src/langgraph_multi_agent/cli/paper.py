"""What a command says, as blocks, and the forms in which it is written.

Commands build blocks; `call` writes them to standard output as a table, Markdown, or not at all when
a machine reads the envelope. Invariant: a block holds final text; nothing here translates.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langgraph_multi_agent.cli.layout import aligned, pad, printable, width


@dataclass(frozen=True, slots=True)
class Heading:
    text: str


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines as they are: prose, or lines that programs look for (`report: <path>`)."""

    lines: Sequence[str]


@dataclass(frozen=True, slots=True)
class Facts:
    """Names with values, one line each; values that are empty are left out."""

    pairs: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Rows:
    """A table. `wraps`: the last column takes more lines instead of losing words."""

    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    wraps: bool = False


Block = Heading | Lines | Facts | Rows


def as_text(blocks: Iterable[Block], *, columns: int, is_coloured: bool = False) -> str:
    """Blocks for a terminal or a pipe.

    Args:
        columns: cells of a line; 0 cuts nothing.
    """
    lines: list[str] = []
    for block in blocks:
        match block:
            case Heading(text):
                lines += [*([""] if lines else []), bold(text, is_coloured=is_coloured)]
            case Lines(found):
                lines += [printable(line) for line in found]
            case Facts(pairs):
                shown = [(name, value) for name, value in pairs if value]
                left = max((width(name) for name, _ in shown), default=0)
                for name, value in shown:
                    first, *more = printable(value).splitlines() or [""]
                    lines.append(f"{pad(name, left)}  {first}")
                    lines += [f"{'':{left}}  {line}" for line in more]
            case Rows(headers, rows, wraps):
                head, *body = aligned(headers, rows, columns=columns, wraps=wraps)
                lines += [bold(head, is_coloured=is_coloured), *body]
    return "\n".join(lines) + "\n" if lines else ""


def as_markdown(blocks: Iterable[Block]) -> str:
    """Blocks as Markdown: headings, lists, tables."""
    parts: list[str] = []
    for block in blocks:
        match block:
            case Heading(text):
                parts.append(f"## {_escaped(text)}")
            case Lines(found):
                parts.append("  \n".join(_escaped(line) for line in found))
            case Facts(pairs):
                parts.append("\n".join(f"- **{_escaped(n)}**: {_escaped(v)}" for n, v in pairs if v))
            case Rows(headers, rows):
                table = [headers, ["---"] * len(headers), *rows]
                parts.append("\n".join("| " + " | ".join(map(_cell, row)) + " |" for row in table))
    return "\n\n".join(part for part in parts if part) + "\n" if parts else ""


def as_json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, default=str) + "\n"


def as_yaml(value: Mapping[str, Any]) -> str:
    import yaml

    plain = json.loads(json.dumps(value, default=str))
    text: str = yaml.safe_dump(plain, allow_unicode=True, sort_keys=False, width=100)
    return text


def bold(text: str, *, is_coloured: bool) -> str:
    return f"\x1b[1m{text}\x1b[0m" if is_coloured else text


def _escaped(text: str) -> str:
    return printable(text).replace("\\", "\\\\").replace("*", "\\*").replace("<", "&lt;").replace("\n", " ")


def _cell(text: str) -> str:
    return text if text == "---" else _escaped(str(text)).replace("|", "\\|")
