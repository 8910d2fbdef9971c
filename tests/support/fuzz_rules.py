"""What schemathesis is told of our API beside its description. It is loaded by its own process.

Callers: `SCHEMATHESIS_HOOKS`, which `fuzzing` sets. Invariant: nothing is left out here that the tests do
not name; what a description cannot say is listed in `BEYOND_THE_DESCRIPTION`, field by field.
"""

import itertools
import json
import os
from typing import Any

import schemathesis
from schemathesis.core.failures import AcceptedNegativeData, Failure
from schemathesis.openapi.checks import RejectedPositiveData

KEY_VARIABLE = "FUZZ_OWN_KEY"
CALLS_VARIABLE = "FUZZ_CALLS"
KNOWN_VARIABLE = "FUZZ_KNOWN"
SAFE = {"GET", "HEAD", "OPTIONS"}
UNIQUE = {"idempotency-key", "name"}
"""What is there once: an example of it would be refused from the second time on."""

BEYOND_THE_DESCRIPTION: dict[tuple[str, str], str] = {
    ("", "TEAM_UNKNOWN"): "which teams there are is known at run time",
    ("", "MALFORMED_FORM"): "a boundary is no part of a schema",
    ("", "INPUT_UNSAFE"): "names and contents of files",
    ("", "INPUT_UNREADABLE"): "the same",
    ("files", "name_used_twice"): "the same",
    ("files", "too_many"): "a setting",
    ("description", "too_long"): "a setting",
    ("*", "too_deep"): "JSON Schema has no depth",
    ("*", "control_character"): "no database keeps a NUL; saying so at each string would hide what it is for",
    ("deadline", "not_a_date"): "moments that have no name in UTC: the first and the last day of all",
    ("start_at", "not_a_date"): "the same",
    ("created_after", "not_a_date"): "the same",
    ("created_before", "not_a_date"): "the same",
    ("since", "not_a_date"): "the same",
    ("delay_s", "start_given_twice"): "one of two fields, both of which may be null",
    ("cursor", "invalid"): "what an earlier page gave",
    ("cron", "cron_fields"): "cron lines",
    ("cron", "cron_invalid"): "cron lines",
    ("cron", "cron_never"): "cron lines",
    ("timezone", "timezone_unknown"): "what this machine knows",
    ("name", "name_not_allowed"): "names follow Unicode's tables",
    ("name", "invalid"): "the same",
    ("name", "empty"): "the same",
    ("agent", "missing"): "named in the body or in the address",
    ("password", "password_same"): "it must be another one",
    ("old_password", "password_wrong"): "who knows it",
    ("password", "password_too_simple"): "it must not hold the name",
    ("password", "missing"): "one of two ways to log in",
    ("name", "missing"): "one of two ways to log in",
    ("question_id", "ambiguous"): "what is asked at the moment",
    ("question_id", "nothing_to_answer"): "what is asked at the moment",
    ("text", "invalid_answer"): "what is asked at the moment",
    ("approved", "invalid_answer"): "what is asked at the moment",
    ("status", "not_allowed"): "words in either of two languages, separated by commas",
    ("priority", "not_allowed"): "words in either of two languages, separated by commas",
}
"""(field, code of its error or of the whole answer): why what fits the description is refused all the same."""
FORM_TEXTS = {"budget", "deadline", "input_data", "language", "priority", "start_at", "title", "team", "delay_s"}
"""In a form every value is a text, which its description leaves at that."""


@schemathesis.hook
def before_call(_context: Any, case: Any, _kwargs: dict[str, Any]) -> None:
    """Keep the key that all of this is done with, and what other operations are to find; let every second valid
    request, beginning with the first, be about what is there.
    """
    label = case.operation.label
    known = _known.get(label, {})
    if case.method not in SAFE:
        for name, value in case.path_parameters.items():
            if value in _kept and value != known.get(name):
                case.path_parameters[name] = "none"
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    turn = _turns[label] = _turns.get(label, -1) + 1
    if turn % 2:
        return
    for name in known.keys() & case.path_parameters.keys():
        case.path_parameters[name] = known[name]
    if isinstance(case.body, dict):
        _make_unique(case.body)
        case.body |= {name: value for name, value in known.items() if name in case.body}
    _make_unique(case.headers)


def _make_unique(fields: Any) -> None:
    for name in list(fields or ()):
        if name.lower() in UNIQUE and isinstance(fields[name], str) and 0 < len(fields[name]) < 50:
            fields[name] = f"{fields[name].strip()}{next(_count)}"


_count = itertools.count()
_turns: dict[str, int] = {}
_known: dict[str, dict[str, str]] = json.loads(os.environ.get(KNOWN_VARIABLE, "{}"))
_kept = {value for fields in _known.values() for value in fields.values()} | {os.environ.get(KEY_VARIABLE)}


@schemathesis.hook
def after_call(_context: Any, case: Any, response: Any) -> None:
    with open(os.environ[CALLS_VARIABLE], "a", encoding="utf-8") as calls:  # noqa: PTH123 - appended to often
        calls.write(json.dumps([case.operation.label, response.status_code]) + "\n")


@schemathesis.hook
def filter_failure(_context: Any, failure: Failure, case: Any, response: Any) -> bool:
    """False for the refusals that a description cannot foretell, and for forms of the wrong type.

    All that a form holds is text: what has the wrong type for schemathesis arrives as the same text as what
    has the right one.
    """
    is_form = case.media_type == "multipart/form-data"
    if is_form and isinstance(failure, AcceptedNegativeData):
        return False
    if not isinstance(failure, RejectedPositiveData):
        return True
    try:
        answer = json.loads(response.content)
    except ValueError:
        return True
    errors = answer.get("errors", answer.get("details", {}).get("errors", []))
    whole = answer.get("code", answer.get("error_code"))
    codes = [(str(item["field"]), item["code"]) for item in errors] or [("", whole)]
    return not all(_is_beyond(field, code, is_form=is_form) for field, code in codes)


def _is_beyond(field: str, code: str, *, is_form: bool) -> bool:
    if is_form and field.partition(".")[0] in FORM_TEXTS:
        return True
    last = field.rpartition(".")[2]
    return any(place in BEYOND_THE_DESCRIPTION for place in ((last, code), ("*", code), ("", code)))
