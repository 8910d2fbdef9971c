"""Redaction: what is a secret goes, and no text makes it slow."""

import time

import pytest

from langgraph_multi_agent.telemetry.redaction import REDACTED, Redactor, redacted

KB = 1024
FLOOR_S = 0.05
"""Less than this says nothing about how the work grows."""
HOSTILE = (
    "://a:",
    "://a@",
    "a:b@",
    "://",
    "://a:@",
    "://u'",
    "Bearer ",
    "-----BEGIN A",
    "-----BEGIN PRIVATE KEY-----",
    "-----END A",
    "lgma_",
    "lgma_abcdefghijkl_",
    "sk-",
    "-sk-",
    "AIza",
    "AKIA",
    "?key=",
    "&x-amz-a",
    "eyJ",
    "-eyJ",
    "-eyJa.",
    "-eyJa.b.",
    "token",
    "token ",
    "secret = '",
    " ",
)


def seconds(text: str) -> float:
    """The work of this thread alone, at its best of a few."""
    found = []
    for _ in range(4):
        began = time.thread_time()
        redacted(text)
        found.append(time.thread_time() - began)
    return min(found)


@pytest.mark.parametrize("end", ["", "@", "="])
@pytest.mark.parametrize("piece", HOSTILE)
def test_the_work_grows_with_the_length_and_no_faster(piece: str, end: str) -> None:
    small, large = (piece * (size // len(piece)) + end for size in (8 * KB, 64 * KB))
    assert seconds(large) < 24 * seconds(small) + FLOOR_S


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("redis://:hunter@h/0", f"redis://:{REDACTED}@h/0"),
        ("x://u:p@ss:/w@h y://v:q@h", f"x://u:{REDACTED}@h y://v:{REDACTED}@h"),
        ("http://a:80/b http://c:81/d@e", f"http://a:80/b http://c:{REDACTED}@e"),
        ("http://a:@b", "http://a:@b"),
        ("at http://h:8000/x", "at http://h:8000/x"),
        (f"git://{'t' * 20}@h", f"git://{REDACTED}@h"),
        ("x-eyJhbGci.eyJzdWIi.c2ln!", f"x-{REDACTED}!"),
        ("eyJhbGci.eyJzdWIi.", REDACTED),
        ("eyJhbGci and eyJzdWIi.x", "eyJhbGci and eyJzdWIi.x"),
        ("eyJa-eyJb.c.d", REDACTED),
    ],
)
def test_passwords_of_addresses_and_tokens_go_and_the_rest_stays(text: str, shown: str) -> None:
    assert Redactor().text(text) == shown


@pytest.mark.parametrize(
    "key",
    [
        *("accessToken", "clientSecret", "APIKey", "xApiKey", "passwords", "pwd", "dbPwd", "secrets", "api_keys"),
        *("refreshTokens", "Set-Cookie", "cookies", "PGPASSWORD", "aws.secretAccessKey", "credential"),
    ],
)
def test_what_is_under_a_key_that_names_a_secret_goes(key: str) -> None:
    assert Redactor().value({"x": [{key: "abc"}]}) == {"x": [{key: REDACTED}]}


@pytest.mark.parametrize("key", ["input_tokens", "maxTokens", "tokens", "secretary", "keys", "monkey", "cwd"])
def test_counts_and_other_words_stay(key: str) -> None:
    assert Redactor().value({key: 12, "of": {key: {"a": 1}}}) == {key: 12, "of": {key: {"a": 1}}}
