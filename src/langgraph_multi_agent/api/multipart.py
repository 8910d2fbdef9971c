"""Multipart forms, read as a stream.

Hides python-multipart's callbacks behind an iterator of parts, each with an iterator of its
bytes. Caller: `POST /tasks`. Invariant: at most one chunk of the request and the small fields
are in memory; a form that ends before its last boundary is refused.
"""

from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from python_multipart.exceptions import FormParserError, MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from langgraph_multi_agent.api.problems import MalformedForm
from langgraph_multi_agent.domain.errors import InputTooLarge, InputUnsafe, InvalidRequest

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks


@dataclass(slots=True, kw_only=True)
class Part:
    """One part: a field, or a file if `file_name` is not None."""

    name: str
    file_name: str | None
    _reader: "MultipartReader" = field(repr=False)

    async def chunks(self) -> AsyncIterator[bytes]:
        """The part's bytes; to be read before the next part."""
        while (event := await self._reader.next_event()) is not None:
            kind, data = event
            if kind == "data":
                yield data
            elif kind == "end":
                self._reader.is_inside = False
                return
        raise MalformedForm(reason="unexpected end")

    async def text(self, *, limit: int) -> str:
        """A field's value.

        Raises:
            InputTooLarge: more than `limit` bytes.
            InvalidRequest: not UTF-8.
        """
        value = b""
        async for chunk in self.chunks():
            value += chunk
            if len(value) > limit:
                raise InputTooLarge(size=len(value), limit=limit)
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise InvalidRequest(errors=[{"field": self.name, "code": "not_text"}]) from None


class MultipartReader:
    """Parts of one request, in order.

    Args:
        content_type: the header, with its boundary.
        stream: the request's body.

    Raises:
        MalformedForm: no boundary, or a body that does not follow it.
    """

    def __init__(self, content_type: str, stream: AsyncIterator[bytes]) -> None:
        _, options = parse_options_header(content_type)
        self._stream = stream
        self._events: deque[tuple[str, bytes]] = deque()
        self._header_name = self._header_value = b""
        self._disposition = b""
        self._is_complete = False
        self.is_inside = False
        callbacks: MultipartCallbacks = {
            "on_part_begin": self._on_part_begin,
            "on_header_field": self._on_header_field,
            "on_header_value": self._on_header_value,
            "on_header_end": self._on_header_end,
            "on_headers_finished": lambda: self._events.append(("begin", self._disposition)),
            "on_part_data": lambda data, start, end: self._events.append(("data", bytes(data[start:end]))),
            "on_part_end": lambda: self._events.append(("end", b"")),
            "on_end": self._on_end,
        }
        boundary = options.get(b"boundary")
        if not boundary:
            raise MalformedForm(reason="no boundary")
        try:
            self._parser = MultipartParser(boundary, callbacks)
        except FormParserError as error:
            raise MalformedForm(reason=str(error)) from None

    def __aiter__(self) -> AsyncIterator[Part]:
        return self._parts()

    async def _parts(self) -> AsyncIterator[Part]:
        while True:
            while self.is_inside:  # the rest of a part that nobody read
                event = await self.next_event()
                self.is_inside = event is not None and event[0] != "end"
            event = await self.next_event()
            if event is None:
                if not self._is_complete:
                    raise MalformedForm(reason="unexpected end")
                return
            self.is_inside = True
            name, file_name = _names(event[1])
            yield Part(name=name, file_name=file_name, _reader=self)

    async def next_event(self) -> tuple[str, bytes] | None:
        """The parser's next event; None at the end of the body."""
        while not self._events:
            chunk = await anext(self._stream, None)
            if chunk is None:
                return None
            try:
                self._parser.write(chunk)
            except MultipartParseError as error:
                raise MalformedForm(reason=str(error)) from None
        return self._events.popleft()

    def _on_part_begin(self) -> None:
        self._disposition = b""

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _on_header_end(self) -> None:
        if self._header_name.lower() == b"content-disposition":
            self._disposition = self._header_value
        self._header_name = self._header_value = b""

    def _on_end(self) -> None:
        self._is_complete = True


def _names(disposition: bytes) -> tuple[str, str | None]:
    kind, options = parse_options_header(disposition.decode("latin-1"))
    if kind != b"form-data" or b"name" not in options:
        raise MalformedForm(reason="part without a name")
    name = options[b"name"].decode("utf-8", "replace")
    file_name = options.get(b"filename")
    if file_name is None:
        return name, None
    try:  # browsers write these three as percent escapes, and nothing else
        return name, file_name.decode().replace("%22", '"').replace("%0D", "\r").replace("%0A", "\n")
    except UnicodeDecodeError:
        raise InputUnsafe(file=file_name.decode("utf-8", "replace"), reason="unprintable") from None
