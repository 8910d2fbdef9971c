"""The document of export and import: read piece by piece, so that its size is no matter.

Hides buffers, the envelope around a saved answer, and where in the file something is wrong. Caller:
`service.transfer`. Invariant: no more than MAX_PIECE_CHARS of the document are held at a time.
"""

import codecs
import json
from collections.abc import Iterator
from typing import Any, BinaryIO, NoReturn

from langgraph_multi_agent.domain.errors import Fault, InvalidRequest

LISTS = frozenset({"tasks", "chat_history"})
ENVELOPE = "data"
MAX_PIECE_CHARS = 8 * 1024 * 1024
READ_BYTES = 256 * 1024
_SPACE = " \t\n\r"
_OUTSIDE = "$"

Piece = tuple[str, int | None, Any]
"""A key, the place in its list (None where the key has one value), and the value."""


class ImportUnreadable(Fault):
    """The document is no JSON of the shape of an export.

    `place` counts characters and `line` lines, both from 1; `record` is the piece that is not whole,
    such as `tasks[3]`, or `$` outside of all.
    """

    code, status = "IMPORT_UNREADABLE", 400


class DocumentReader:
    """The pieces of one document, in its order: elements of the lists, whole values of other keys.

    An export saved together with its envelope (`{"success": …, "data": {…}}`) is read like one without.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._text = codecs.getincrementaldecoder("utf-8-sig")("strict")
        self._json = json.JSONDecoder(parse_constant=self._refuse_constant)
        self._buffer, self._at, self._before, self._lines = "", 0, 0, 0
        self._record = _OUTSIDE
        self._is_over = False
        self._seen: set[str] = set()

    def pieces(self) -> Iterator[Piece]:
        """Raises ImportUnreadable, InvalidRequest."""
        if self._peek() != "{":
            self._refuse("an object was expected")
        yield from self._object(is_outer=True)
        if self._peek():
            self._refuse("the document goes on after its end")

    def _object(self, *, is_outer: bool) -> Iterator[Piece]:
        self._expect("{")
        if self._peek() == "}":
            self._expect("}")
            return
        while True:
            if self._peek() != '"':
                self._refuse("a key was expected")
            key = self._value()
            self._expect(":")
            if key in self._seen:
                raise InvalidRequest(errors=[{"field": key[:80], "code": "given_twice"}])
            self._seen.add(key)
            self._record = key[:80]
            if is_outer and key == ENVELOPE and self._peek() == "{":
                yield from self._object(is_outer=False)
            elif key in LISTS and self._peek() == "[":
                yield from self._list(key)
            else:
                yield key, None, self._value()
            self._record = _OUTSIDE
            if self._peek() != ",":
                break
            self._expect(",")
        self._expect("}")

    def _list(self, key: str) -> Iterator[Piece]:
        self._expect("[")
        if self._peek() == "]":
            self._expect("]")
            return
        number = 0
        while True:
            self._record = f"{key}[{number}]"
            yield key, number, self._value()
            number += 1
            if self._peek() != ",":
                break
            self._expect(",")
        self._expect("]")

    def _value(self) -> Any:
        self._peek()
        while True:
            try:
                value, end = self._json.raw_decode(self._buffer, self._at)
            except json.JSONDecodeError as error:
                if self._is_over:
                    self._refuse(error.msg, at=error.pos)
            except RecursionError:
                self._refuse("nested too deeply")
            except ValueError:  # of more digits than Python reads
                self._refuse("a number is too long")
            else:
                # A number at the end of what was read may go on.
                if end < len(self._buffer) or self._is_over:
                    self._at = end
                    return value
            if len(self._buffer) - self._at > MAX_PIECE_CHARS:
                self._refuse(f"no value ends within {MAX_PIECE_CHARS} characters")
            self._more(len(self._buffer) - self._at)

    def _peek(self) -> str:
        """The next character that is no space, empty at the end; it is not taken."""
        while True:
            while self._at < len(self._buffer) and self._buffer[self._at] in _SPACE:
                self._at += 1
            if self._at < len(self._buffer):
                return self._buffer[self._at]
            if self._is_over:
                return ""
            self._more()

    def _expect(self, character: str) -> None:
        if self._peek() != character:
            self._refuse(f"{character} was expected")
        self._at += 1

    def _more(self, least: int = 0) -> None:
        chunk = self._file.read(max(READ_BYTES, least))
        self._is_over = not chunk
        try:
            text = self._text.decode(chunk, final=self._is_over)
        except UnicodeDecodeError:
            self._refuse("not UTF-8", at=len(self._buffer))
        self._before += self._at
        self._lines += self._buffer.count("\n", 0, self._at)
        self._buffer, self._at = self._buffer[self._at :] + text, 0

    def _refuse(self, reason: str, *, at: int | None = None) -> NoReturn:
        here = self._at if at is None else at
        line = self._lines + self._buffer.count("\n", 0, here) + 1
        raise ImportUnreadable(place=self._before + here + 1, line=line, record=self._record, reason=reason)

    def _refuse_constant(self, name: str) -> NoReturn:
        self._refuse(f"{name} is no JSON")
