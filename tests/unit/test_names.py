"""Names of people: which are allowed, and which are one name."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langgraph_multi_agent.access.names import MAX_CHARS, fold, is_label, is_person, normal

ALLOWED = [
    "li",
    "Li.Wei",
    "o'brien",
    "amy@example.com",
    "李伟",
    "歐陽-娜娜",
    "阿里木·买买提",
    "张wei2",
    "佐々木",
    "さくら",
    "ハナ子",
    "김민준",
    "José",
    "Ångström",
    "Größe",
    "Łukasz",
    "x" * MAX_CHARS,
    "<b>",
]
REFUSED = [
    "",
    " ",
    "li wei",
    "li\u3000wei",
    "li\u00a0wei",
    " li",
    "li\n",
    "li\t",
    "a:b",
    "a/b",
    "a\\b",
    ".",
    "..",
    "---",
    "ad\u200bmin",  # zero-width space
    "ad\u00admin",  # soft hyphen
    "\u202enimda",  # right to left
    "admin\u2066",
    "\ufeffadmin",
    "ad\u034fmin",  # a joiner that is a mark
    "admin\ufe0f",  # a variation selector
    "li\x00",
    "li\x7f",
    "li\x85",
    "li\ue000",  # private use
    "li\ud800",  # half a character
    "li\u0378",  # nobody's character
    "\u0430dmin",  # Cyrillic a
    "\u0430\u0501\u043c\u0456\u043f",  # all Cyrillic
    "\u0391dmin",  # Greek Alpha
    "\u0261reat",  # Latin script g
    "adm\u0131n",  # dotless i
    "\u01c0i",  # a click that is drawn as l
    "\u3164",  # Hangul filler
    "\u1160li",
    "\u115fli",
    "li\u0301\u0301",  # marks on marks
    "\u0301li",
    "·li",
    "li·",
    "x" * (MAX_CHARS + 1),
    "🙂",
]


@pytest.mark.parametrize("name", ALLOWED)
def test_a_name_of_latin_or_east_asian_letters_is_allowed(name: str) -> None:
    assert is_person(normal(name))


@pytest.mark.parametrize("name", REFUSED)
def test_a_name_that_hides_something_or_draws_another_is_refused(name: str) -> None:
    assert not is_person(normal(name))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("admin", "ADMIN"),
        ("admin", "Ａdmin"),
        ("admin", "ａｄｍｉｎ"),
        ("José", "JOSE\u0301"),
        ("strasse", "Straße"),
        ("Kim", "\u212aim"),  # Kelvin
        ("ﬁona", "FIONA"),
        ("ハナ", "ﾊﾅ"),
        ("口口", "ロロ"),  # Chinese and kana
        ("a·b", "a.b"),
    ],
)
def test_names_that_differ_in_case_width_or_a_look_alike_are_one(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@given(st.text(max_size=MAX_CHARS))
def test_a_name_has_one_key_however_it_is_written(name: str) -> None:
    assert fold(fold(name)) == fold(name)
    assert fold(normal(name)) == fold(name)
    assert fold(unicodedata.normalize("NFD", name)) == fold(name)
    if is_person(normal(name)):
        assert fold(name.swapcase()) == fold(name)
        assert len(fold(name)) <= 256
        assert is_label(normal(name))


def test_a_key_is_called_by_words_that_can_be_seen() -> None:
    assert all(is_label(name) for name in ("nightly export", "夜间报表", "отчёт", "a-b_c (2)"))
    hidden = ("", " a", "a ", "a:b", "a/b", "a\u200bb", "a\tb", "a\u00a0b", "a\u2028b", "a\ue000", "x" * 65)
    assert not any(is_label(name) for name in hidden)
