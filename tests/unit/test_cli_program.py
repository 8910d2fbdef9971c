"""The command line itself: help in two languages, wrong usage, the envelope, exit codes."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer

from langgraph_multi_agent import __version__
from langgraph_multi_agent.cli import language, program
from langgraph_multi_agent.cli.call import Call, Outcome, Output, perform
from langgraph_multi_agent.cli.exits import STATUS_WORDS, Exit, Refusal, Trouble
from langgraph_multi_agent.cli.watching import parse_answer
from langgraph_multi_agent.cli.work import moment_of, priority_of
from langgraph_multi_agent.domain.errors import SettingsUnsafe
from langgraph_multi_agent.i18n import catalogue

HAN = re.compile(r"[\u4e00-\u9fff]")
GLOBAL_OPTIONS = ("--json", "--output", "--lang", "--yes", "--timeout", "--quiet", "--verbose")
ENVELOPE = {"schema", "command", "status", "findings", "changes", "errors", "duration_ms", "data"}


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LGMA_LANG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "en_GB.UTF-8")
    monkeypatch.setenv("COLUMNS", "100")
    language.choose([])


def commands(command: Any = None, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command of the tree with its path."""
    command = command or program.build()
    yield path, command
    for name, member in getattr(command, "commands", {}).items():
        yield from commands(member, (*path, name))


TREE = {" ".join(path): command for path, command in commands()}


def test_the_tree_holds_what_is_built_and_nothing_else() -> None:
    verbs = "list show watch run answer cancel pause resume retry delete artifacts"
    assert set(TREE) == {
        *("", "demo", "run", "serve", "worker", "doctor", "tasks", "agents"),
        *("tasks schedule", "db", "db retention", "db retention plan", "db retention run"),
        *(f"tasks {verb}" for verb in verbs.split()),
        *(f"tasks schedule {verb}" for verb in ("list", "show", "add", "pause", "resume", "remove", "run")),
        *(f"agents {verb}" for verb in ("list", "status", "reset")),
        *("users", *(f"users {verb}" for verb in ("list", "add", "role", "password", "disable", "enable"))),
        *("keys", *(f"keys {verb}" for verb in ("list", "create", "revoke"))),
        *("quota", "quota show", "quota set"),
        *("privacy", "privacy export", "privacy erase"),
        *("audit", "audit log", "audit verify"),
        *("privacy", "privacy export", "privacy erase"),
    }


@pytest.mark.parametrize("path", sorted(TREE), ids=lambda path: path or "lgma")
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_help_page_is_written_in_the_language_that_was_asked_for(
    path: str, lang: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert program.run([*path.split(), "--lang", lang, "--help"]) == 0
    page = capsys.readouterr().out
    assert page.startswith(f"{'用法：' if lang == 'zh' else 'Usage:'} lgma {path}".rstrip())
    assert "cli." not in page, "a key without a text"
    words = "\n".join(line for line in page.splitlines() if "Usage" not in line and "zh|en" not in line)
    assert bool(HAN.search(words)) == (lang == "zh")
    assert [name for name in GLOBAL_OPTIONS if name not in page] == []
    assert "\x1b" not in page


def test_every_option_and_command_has_its_help_in_the_catalogue() -> None:
    texts = catalogue()
    missing = []
    for path, command in TREE.items():
        keys = [command.help, *(p.help for p in command.params if getattr(p, "help", None))]
        missing += [(path, key) for key in keys if key not in texts]
    assert missing == []


def test_commands_stand_in_panels(capsys: pytest.CaptureFixture[str]) -> None:
    program.run(["--help"])
    page = capsys.readouterr().out
    work, look = page.index("\nWork\n"), page.index("\nLook\n")
    for name in ("demo", "run", "serve", "worker", "tasks", "agents"):
        assert work < page.index(f"\n  {name} ") < look
    assert look < page.index("\n  doctor ") < page.index("\nData\n") < page.index("\n  db ")


def test_without_a_command_the_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run([]) == 0
    assert "Usage: lgma" in capsys.readouterr().out


def test_a_group_without_a_command_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run(["tasks"]) == Exit.USAGE
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "Usage: lgma tasks" in shown.err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run(["--version"]) == 0
    assert capsys.readouterr().out == f"lgma {__version__}\n"


WRONG = {
    "unknown command": (["tsaks"], "tsaks; did you mean tasks", "没有命令 tsaks，是不是 tasks"),
    "unknown subcommand": (["tasks", "shwo"], "did you mean show", "是不是 show"),
    "missing argument": (["run"], "REQUEST is missing", "缺少 REQUEST"),
    "unknown option": (["run", "x", "--inptu", "f"], "--inptu; did you mean", "没有选项 --inptu"),
    "no value": (["run", "x", "--title"], "--title needs a value", "--title 需要一个值"),
    "too much": (["tasks", "show", "a", "b"], "Too much: b", "多出来的参数：b"),
    "no number": (["tasks", "list", "--limit", "x"], "whole number", "需要整数"),
    "number too small": (["tasks", "list", "--limit", "0"], "at least 1", "不能小于 1"),
    "no such output": (["tasks", "list", "-o", "pdf"], "--output", "--output 的值不对"),
    "no such language": (["tasks", "list", "--lang", "fr"], "must be zh or en", "只能是 zh 或 en"),
    "negative timeout": (["tasks", "list", "--timeout", "-1"], "more than 0", "必须大于 0"),
    "no such priority": (["run", "x", "--priority", "huge"], "is no priority", "不是优先级"),
    "no such time": (["run", "x", "--deadline", "soon"], "is no time", "不是时间"),
    "no such status": (["tasks", "list", "--status", "done"], "is no status", "不是状态"),
    "missing input": (["run", "x", "--input", "/nowhere/a"], "/nowhere/a does not exist", "/nowhere/a 不存在"),
    "directory as input": (["run", "x", "--input", "/"], "is a directory", "是一个目录"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_usage_is_exit_2_and_says_what_is_wrong_in_both_languages(
    case: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    argv, english_words, chinese_words = WRONG[case]
    assert program.run(argv) == Exit.USAGE
    shown = capsys.readouterr()
    assert shown.out == ""
    assert english_words in shown.err
    assert "→" in shown.err, "what to do"

    monkeypatch.setenv("LGMA_LANG", "zh")
    assert program.run(argv) == Exit.USAGE
    assert chinese_words in capsys.readouterr().err


@pytest.mark.parametrize("case", WRONG)
def test_wrong_usage_under_json_is_one_envelope(case: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run([*WRONG[case][0], "--json"]) == Exit.USAGE or case == "no value"
    shown = capsys.readouterr()
    if case == "no value":  # the missing value swallows the option, as with any program
        return
    envelope = json.loads(shown.out)
    assert set(envelope) == ENVELOPE
    assert envelope["status"] == "usage"
    assert envelope["errors"][0]["title"]


def test_global_options_may_stand_before_the_command(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert program.run(["--json", "--lang", "zh", "run", "x", "--input", str(tmp_path)]) == Exit.USAGE
    envelope = json.loads(capsys.readouterr().out)
    assert envelope["command"] == "run"
    assert HAN.search(envelope["errors"][0]["title"])


# Language


@pytest.mark.parametrize(
    ("argv", "env", "wanted"),
    [
        ([], {}, "en"),
        ([], {"LANG": "zh_CN.UTF-8"}, "zh"),
        ([], {"LANG": "C.UTF-8"}, "en"),
        ([], {"LANG": "zh_TW", "LC_ALL": "en_US.UTF-8"}, "en"),
        ([], {"LANG": "de_DE.UTF-8", "LGMA_LANG": "zh"}, "zh"),
        (["--lang", "zh"], {"LGMA_LANG": "en"}, "zh"),
        (["run", "x", "--lang=en"], {"LANG": "zh_CN"}, "en"),
        (["run", "--", "--lang", "zh"], {}, "en"),
        (["--lang"], {}, "en"),
    ],
)
def test_the_language_is_the_options_then_the_variables_then_the_locales(
    argv: list[str], env: dict[str, str], wanted: str
) -> None:
    assert language.choose(argv, env) == wanted


@pytest.mark.parametrize(
    ("argv", "env", "wanted"),
    [
        ([], {"LANG": "C.UTF-8"}, None),
        ([], {"LANG": "en_GB.UTF-8", "LC_ALL": "en_GB.UTF-8"}, None),
        ([], {"LANG": "en_GB.UTF-8", "LGMA_LANG": "zh"}, "zh"),
        (["--lang", "en"], {"LGMA_LANG": "zh"}, "en"),
    ],
)
def test_the_locale_of_the_machine_is_not_the_language_of_a_servers_answers(
    argv: list[str], env: dict[str, str], wanted: str | None
) -> None:
    language.choose(argv, env)
    assert language.named_language() == wanted


# Endings


def raising(error: BaseException) -> Any:
    def body() -> Outcome:
        raise error

    return body


@pytest.mark.parametrize(
    ("error", "exit_code", "code"),
    [
        (Trouble("SERVER_UNREACHABLE", Exit.UNREACHABLE, url="http://x"), 5, "SERVER_UNREACHABLE"),
        (Trouble("NOT_CONFIRMED", Exit.REFUSED), 6, "NOT_CONFIRMED"),
        (Refusal({"status": 409, "code": "ILLEGAL_TRANSITION", "title": "No"}), 1, "ILLEGAL_TRANSITION"),
        (Refusal({"status": 503, "code": "DRAINING", "title": "Down"}), 5, "DRAINING"),
        (Refusal({"status": 504}), 8, "HTTP_504"),
        (SettingsUnsafe(setting="LGMA_PORT", reason="port_in_use", value="127.0.0.1:80"), 1, "SETTINGS_UNSAFE"),
        (ExceptionGroup("x", [ValueError("y"), Trouble("TIMED_OUT", Exit.TIMED_OUT, seconds=3)]), 8, "TIMED_OUT"),
        (KeyboardInterrupt(), 130, "INTERRUPTED"),
        (ZeroDivisionError("oops"), 1, "INTERNAL"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else str(value),
)
def test_every_ending_has_its_exit_code_one_envelope_and_no_traceback(
    error: BaseException, exit_code: int, code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert perform(Call(command="x", output=Output.JSON, known={"task": 7}), raising(error)) == exit_code
    shown = capsys.readouterr()
    envelope = json.loads(shown.out)
    assert set(envelope) == ENVELOPE
    assert envelope["status"] == STATUS_WORDS[Exit(exit_code)]
    assert envelope["errors"][0]["code"] == code
    assert envelope["data"] == {"task": 7}
    assert "Traceback" not in shown.err
    assert f"({code})" in shown.err


def test_a_traceback_is_shown_to_who_asks_for_it(capsys: pytest.CaptureFixture[str]) -> None:
    perform(Call(command="x", verbosity=1), raising(ZeroDivisionError("oops")))
    assert "ZeroDivisionError: oops" in capsys.readouterr().err


def test_a_server_s_problem_is_shown_in_its_own_words_with_each_field(capsys: pytest.CaptureFixture[str]) -> None:
    problem = {
        "status": 422,
        "code": "INVALID_REQUEST",
        "title": "The request is not valid",
        "detail": "",
        "hint": "Correct it.",
        "errors": [{"field": "title", "code": "too_long", "message": "at most 500"}, {"field": "x", "message": "no"}],
    }
    assert perform(Call(command="x"), raising(Refusal(problem))) == Exit.FAILED
    assert capsys.readouterr().err.splitlines() == [
        "▲ The request is not valid (INVALID_REQUEST)",
        "  - title: at most 500",
        "  - x: no",
        "  → Correct it.",
    ]


def test_a_command_that_takes_too_long_ends_with_exit_8(capsys: pytest.CaptureFixture[str]) -> None:
    import anyio

    async def slow() -> Outcome:
        await anyio.sleep_forever()
        return Outcome()

    assert perform(Call(command="x", timeout_s=0.01, output=Output.JSON), slow) == Exit.TIMED_OUT
    assert json.loads(capsys.readouterr().out)["errors"][0]["code"] == "TIMED_OUT"


@pytest.mark.parametrize("code", sorted({key.split(".")[2] for key in catalogue() if key.startswith("cli.error.")}))
def test_every_trouble_says_what_it_means_and_what_to_do(code: str) -> None:
    for part in ("title", "detail", "hint"):
        assert f"cli.error.{code}.{part}" in catalogue()


# Words that people type


NOW = datetime(2026, 11, 22, tzinfo=UTC)


def test_deadlines_are_distances_dates_or_times() -> None:
    assert moment_of("2h", now=NOW) == (NOW + timedelta(hours=2)).isoformat()
    assert moment_of("3d", now=NOW) == (NOW + timedelta(days=3)).isoformat()
    assert moment_of("2026-12-31") == "2026-12-31"
    assert moment_of("2026-12-31T10:00:00+08:00") == "2026-12-31T02:00:00+00:00"
    for words in ("", "h", "-2h", "soon", "2026-13-01"):
        with pytest.raises(typer.BadParameter):
            moment_of(words)


@pytest.mark.parametrize(("word", "number"), [("low", 1), ("HIGH", 3), ("4", 4), ("紧急", 4)])
def test_priorities_are_words_or_numbers(word: str, number: int) -> None:
    assert priority_of(word) == number


@pytest.mark.parametrize(
    ("line", "options", "is_approval", "value"),
    [
        ("2", ["a", "b"], False, {"text": "b"}),
        ("b", ["a", "b"], False, {"text": "b"}),
        ("3", ["a", "b"], False, None),
        ("c", ["a", "b"], False, None),
        (" free words ", [], False, {"text": "free words"}),
        ("", [], False, None),
        ("Y", [], True, {"approved": True}),
        ("不", [], True, {"approved": False}),
        ("maybe", [], True, None),
    ],
)
def test_a_typed_line_is_an_option_a_yes_or_no_or_free_text(
    line: str, options: list[str], is_approval: bool, value: Any
) -> None:
    assert parse_answer(line, options=options, is_approval=is_approval) == value


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys\nfrom langgraph_multi_agent.cli.program import run\nrun(['--help'])\n"
        "print('loaded', [n for n in ('pydantic', 'fastapi', 'httpx', 'rich', 'asyncio', 'structlog', 'langgraph')"
        " if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "loaded []"
