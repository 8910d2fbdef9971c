"""Faults of the model gateway: what is retried, waited for, accepted and repaired."""

from scripts.faults.seeded import Seeded

GATEWAY = "tests/integration/test_models_gateway.py::"
LOGS = "tests/unit/test_telemetry_logs.py::"

FAULTS = (
    Seeded(
        name="rate-limit-not-retried",
        breaks="an answer 429 is waited out and asked again",
        file="models/wire.py",
        old="    {FaultKind.RATE_LIMITED, FaultKind.SERVER, FaultKind.CONNECT, FaultKind.CUT,",
        new="    {FaultKind.SERVER, FaultKind.CONNECT, FaultKind.CUT,",
        tests=(GATEWAY + "test_retry_after_seconds_are_waited",),
    ),
    Seeded(
        name="retry-after-ignored",
        breaks="a wait is never shorter than the server asked for",
        file="models/backoff.py",
        old="    if asked_s is not None:\n        return asked_s + uniform(0.0, BASE_S)\n",
        new="",
        tests=(GATEWAY + "test_retry_after_seconds_are_waited",),
    ),
    Seeded(
        name="cut-stream-accepted",
        breaks="half an answer is never passed on as a whole one",
        file="models/providers.py",
        old="    if not finish and if_unfinished is not None:\n",
        new="    if not finish and not chunks:\n",
        tests=(GATEWAY + "test_a_cut_stream_is_noticed_and_retried",),
    ),
    Seeded(
        name="truncated-answer-accepted",
        breaks="text cut off by its length is never passed on",
        file="models/structure.py",
        old='    if answer.finish == "length":\n',
        new='    if answer.finish == "length" and not answer.text:\n',
        tests=(GATEWAY + "test_text_cut_off_by_its_length_is_never_passed_on",),
    ),
    Seeded(
        name="malformed-json-not-repaired",
        breaks="an answer that does not fit is repaired once",
        file="models/gateway.py",
        old='            if problem.reason == "refused":\n',
        new="            if problem.reason:\n",
        tests=(GATEWAY + "test_a_bad_answer_is_repaired_once",),
    ),
    Seeded(
        name="schema-not-checked",
        breaks="a value that is returned satisfies the schema",
        file="models/structure.py",
        old="    faults = _schema_faults(value, schema)\n",
        new="    faults: list[str] = []\n",
        tests=(GATEWAY + "test_a_bad_answer_is_repaired_once",),
    ),
    Seeded(
        name="circuit-never-opens",
        breaks="an endpoint that is not well is left alone",
        file="models/gateway.py",
        old="            if fault.kind in SICK:\n",
        new="            if fault.kind in FINAL:\n",
        tests=(GATEWAY + "test_an_open_circuit_sends_nothing_until_one_probe_succeeds",),
    ),
    Seeded(
        name="cut-call-costs-nothing",
        breaks="what nobody knows counts as reserved",
        file="models/gateway.py",
        old="            if fault.kind in UNBILLED:\n",
        new="            if fault.kind:\n",
        tests=(GATEWAY + "test_a_hanging_endpoint_costs_the_deadline_and_the_reservation",),
    ),
    Seeded(
        name="secrets-in-the-log",
        breaks="no key is written to a log",
        file="telemetry/redaction.py",
        old="            value = self._known.sub(REDACTED, value)\n",
        new="            value = value.strip()\n",
        tests=(LOGS + "test_no_secret_is_written",),
    ),
)
