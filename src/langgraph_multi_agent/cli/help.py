"""Help pages and usage errors in the caller's language, without loading rich.

Typer's own pages are English and cost 80 ms more. Declared help texts are keys of the catalogue;
they become text here, when the language is known. Invariant: every command and option of `lgma`
has a key that exists (a test walks the tree).
"""

import os
import re
import shutil
import sys
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, TextIO

from typer.core import TyperArgument, TyperCommand, TyperGroup

from langgraph_multi_agent.cli.language import language
from langgraph_multi_agent.cli.layout import pad, width, wrapped
from langgraph_multi_agent.cli.paper import bold
from langgraph_multi_agent.i18n import text

GLOBAL_PANEL = "global"
MAX_COLUMNS = 100
MAX_LEFT = 34

_BAD_VALUES = {
    "whole": r"valid integer",
    "number": r"valid number",
    "at_least": r"greater than or equal to (\S+)",
    "at_most": r"less than or equal to (\S+)",
    "choice": r"Input should be (.*)|is not one of (.*)",
}


class Command(TyperCommand):
    """A command whose help is ours."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        formatter.write(page(self, ctx))


class Group(TyperGroup):
    """A group whose help is ours: its commands stand in panels."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name = args[0]
        if not name.startswith("-") and self.get_command(ctx, name) is None:
            near = ", ".join(get_close_matches(name, self.list_commands(ctx)))
            key = "cli.usage.no_command_but" if near else "cli.usage.no_command"
            ctx.fail(text(key, language(), name=name, possible=near))
        return super().resolve_command(ctx, args)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        formatter.write(page(self, ctx))


def columns() -> int:
    """Cells of a line on this terminal."""
    return min(MAX_COLUMNS, max(40, shutil.get_terminal_size((80, 24)).columns))


def is_coloured(stream: TextIO) -> bool:
    """Whether colour is welcome: a terminal, and no NO_COLOR (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def page(command: TyperCommand | TyperGroup, ctx: Any) -> str:
    """The whole help page of a command."""
    lang, coloured, wide = language(), is_coloured(sys.stdout), columns()
    lines = [f"{bold(text('cli.help.usage', lang), is_coloured=coloured)} {usage(command, ctx)}"]
    if command.help:
        lines += ["", *wrapped(text(command.help, lang), wide)]
    arguments = [
        (_argument_name(param), text(param.help, lang) if param.help else "")
        for param in command.get_params(ctx)
        if isinstance(param, TyperArgument)
    ]
    panels: dict[str, list[tuple[str, str]]] = {"arguments": arguments}
    if isinstance(command, TyperGroup):
        for name in command.list_commands(ctx):
            member: Any = command.get_command(ctx, name)
            if member is not None and not member.hidden:
                panel = getattr(member, "rich_help_panel", None) or "commands"
                panels.setdefault(panel, []).append((name, first_sentence(text(member.help or "", lang))))
    for param in command.get_params(ctx):
        if not isinstance(param, TyperArgument) and not getattr(param, "hidden", False):
            panel = getattr(param, "rich_help_panel", None) or "options"
            panels.setdefault(panel, []).append((_option_names(param), _option_help(param, lang)))
    panels[GLOBAL_PANEL] = panels.pop(GLOBAL_PANEL, [])
    left = min(MAX_LEFT, max((width(name) for rows in panels.values() for name, _ in rows), default=0))
    for panel, rows in panels.items():
        if rows:
            lines += ["", bold(text(f"cli.panel.{panel}", lang), is_coloured=coloured)]
            lines += _two_columns(rows, left, wide)
    if command.epilog:
        lines += ["", *wrapped(text(command.epilog, lang), wide)]
    return "\n".join(lines) + "\n"


def usage(command: TyperCommand | TyperGroup, ctx: Any) -> str:
    """`lgma run [OPTIONS] REQUEST`, in the caller's language."""
    pieces = [ctx.command_path, text("cli.help.options", language())]
    if isinstance(command, TyperGroup):
        pieces.append(text("cli.help.command", language()))
    else:
        pieces += [_argument_name(p) for p in command.get_params(ctx) if isinstance(p, TyperArgument)]
    return " ".join(pieces)


def first_sentence(words: str) -> str:
    """What stands in a list of commands."""
    ends = [end for mark in (". ", "。", "\n") if (end := words.find(mark)) >= 0]
    return (words[: min(ends)] if ends else words).rstrip(".。")


def usage_message(error: Any) -> str:
    """What is wrong with the command line, in the caller's language."""
    lang = language()
    kind = type(error).__name__
    param = getattr(error, "param", None)
    name = _param_name(param) if param is not None else str(getattr(error, "param_hint", None) or "")
    match kind:
        case "MissingParameter":
            return text("cli.usage.missing", lang, name=name)
        case "NoSuchOption":
            possible = ", ".join(getattr(error, "possibilities", None) or ())
            key = "cli.usage.no_option_but" if possible else "cli.usage.no_option"
            return text(key, lang, name=error.option_name, possible=possible)
        case "BadParameter":
            return text("cli.usage.bad_value", lang, name=name, detail=_bad_value(str(error.message), lang))
        case "BadOptionUsage":
            return text("cli.usage.no_value", lang, name=error.option_name)
        case _:
            message = str(error.format_message())
            extra = re.fullmatch(r"Got unexpected extra argument(?:s|\(s\))? \((.*)\)", message, re.DOTALL)
            return text("cli.usage.extra", lang, name=extra[1]) if extra else message


def _bad_value(message: str, lang: str) -> str:
    """Typer's words for a value that does not fit, in ours."""
    for key, pattern in _BAD_VALUES.items():
        if found := re.search(pattern, message):
            limit = next((group for group in found.groups() if group), "")
            return text(f"cli.usage.{key}", lang, limit=limit.rstrip("."))
    return message


def _two_columns(rows: Iterable[tuple[str, str]], left: int, wide: int) -> list[str]:
    lines: list[str] = []
    for name, words in rows:
        first, *more = wrapped(words, wide - left - 4)
        if width(name) > left:
            lines += [f"  {name}", " " * (left + 4) + first]
        else:
            lines.append(f"  {pad(name, left)}  {first}".rstrip())
        lines += [" " * (left + 4) + line for line in more]
    return lines


def _param_name(param: Any) -> str:
    return _argument_name(param) if isinstance(param, TyperArgument) else max(param.opts, key=len)


def _argument_name(param: Any) -> str:
    name = param.metavar or (param.name or "").upper()
    if param.nargs == -1:
        name += "…"
    return name if param.required else f"[{name}]"


def _option_names(param: Any) -> str:
    short = [name for name in param.opts if not name.startswith("--")]
    long = [name for name in (*param.opts, *param.secondary_opts) if name.startswith("--")]
    names = ", ".join([*short, *long])
    return names if param.is_flag or param.count else f"{names} {param.metavar or 'TEXT'}"


def _option_help(param: Any, lang: str) -> str:
    if param.name == "help":
        return text("cli.option.help", lang)
    return text(param.help, lang) if param.help else ""


