"""What people and keys may be called, and when two names are one. Pure.

Callers: `service.identities` for what is allowed, `store.identities` and its migration for the key of a
name. Invariant: two names that differ only in case, width, composition or a look-alike of ours have one
key (`fold`), and what `is_person` allows cannot hide a character or borrow one from a script that draws
Latin letters.

Allowed in a person's name: visible ASCII but `:`, `/` and the backslash; Latin letters with marks; Chinese
characters, kana, Hangul syllables, Bopomofo and the middle dot. There is no whitespace, no control,
format, private-use or unassigned character, and no other script: Cyrillic and Greek would draw an admin
who is none (Unicode TR 39, section 5.2, takes the mixture of Latin with Chinese, Japanese or Korean as
harmless, which is the one that is left).
"""

import re
import unicodedata

MAX_CHARS = 64
_ASCII = re.compile(r"[!-.0-9;-\[\]-~]")
_EAST_ASIAN = re.compile(
    "[\u3005\u3041-\u3096\u309d\u309e\u30a1-\u30fa\u30fc-\u30fe\u3105-\u312f\u31a0-\u31bf"
    "\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\U00020000-\U000323af]"
)
_LATIN = frozenset("ßæøđłœþðħŋ")
"""Letters that are no ASCII letter with a mark."""
_MIDDLE_DOT = "\u00b7"
_LETTERS = frozenset({"Lu", "Ll", "Lo", "Lm"})
_HIDDEN = frozenset({"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"})
_LOOK_ALIKE = str.maketrans(
    dict(zip("ニロエカタトハーへべぺ·", "二口工力夕卜八一ヘベペ.", strict=True))
)
"""Kana that are drawn as Chinese characters, and the dot between the parts of a name."""


def normal(name: str) -> str:
    """How a name is kept and shown: full-width letters and the like become the common ones (NFKC)."""
    return unicodedata.normalize("NFKC", name)


def fold(name: str) -> str:
    """The key of a name: whoever has this key has the name (Unicode, section 3.13, D146)."""
    return normal(normal(name).casefold()).translate(_LOOK_ALIKE)


def is_person(name: str) -> bool:
    """Whether somebody may be called so; `name` as `normal` gives it."""
    if not 0 < len(name) <= MAX_CHARS or set(name) <= {"."}:
        return False
    if not all(_is_allowed(letter) for letter in name):
        return False
    return any(letter.isalnum() for letter in name) and _MIDDLE_DOT not in (name[0], name[-1])


def is_label(name: str) -> bool:
    """Whether a key may be called so: words with spaces between them, nothing that cannot be seen."""
    if not 0 < len(name) <= MAX_CHARS or name != name.strip() or {":", "/"} & set(name):
        return False
    return all(
        letter == " " or (not letter.isspace() and unicodedata.category(letter) not in _HIDDEN) for letter in name
    )


def _is_allowed(letter: str) -> bool:
    if letter.isascii():
        return _ASCII.fullmatch(letter) is not None
    if letter == _MIDDLE_DOT:
        return True
    if unicodedata.category(letter) not in _LETTERS:
        return False
    if _EAST_ASIAN.fullmatch(letter):
        return True
    base = unicodedata.normalize("NFD", letter)[0]
    return base.isascii() or letter.lower() in _LATIN
