"""An answer's body, unpacked while it arrives and never beyond its limit.

Hides gzip. Caller: `client`. Invariant: no more than the limit is ever held, whatever a compressed byte
stands for; what ends in the middle is no body.
"""

import zlib

from langgraph_multi_agent.domain.errors import OutgoingFailed, OutgoingTooLarge

_GZIP = 16 + zlib.MAX_WBITS
_GZIP_START = b"\x1f\x8b"
MAX_MEMBERS = 1000
"""Of one gzip body. Each copies what is left of its chunk, so that many tiny ones take long and say nothing."""
ENCODINGS = frozenset({"", "identity", "gzip", "x-gzip"})


class Body:
    """Collects one body.

    Args:
        encoding: the header `Content-Encoding`, one word or empty.

    Raises:
        OutgoingFailed: reason `content_encoding`, for one that was not asked for.
    """

    def __init__(self, *, host: str, encoding: str, limit: int) -> None:
        if encoding not in ENCODINGS:
            raise OutgoingFailed(host=host, reason="content_encoding")
        self._host, self._limit = host, limit
        self._is_packed = encoding in {"gzip", "x-gzip"}
        self._inflater = zlib.decompressobj(_GZIP)
        self._received = self._members = 0
        self._held, self._is_over = b"", False
        self._content = bytearray()

    def add(self, chunk: bytes) -> None:
        """Take what arrived.

        Raises:
            OutgoingTooLarge: it would be more than the limit, as sent or unpacked.
            OutgoingFailed: reason `content_encoding`: it is not what its header says, or of too many
                members.
        """
        self._received += len(chunk)
        if self._received > self._limit:
            raise OutgoingTooLarge(host=self._host, limit=self._limit)
        if not self._is_packed:
            self._content += chunk
            return
        try:
            self._unpack(chunk)
        except zlib.error as error:
            raise OutgoingFailed(host=self._host, reason="content_encoding") from error

    def content(self) -> bytes:
        """All of it. Raises OutgoingFailed with reason `cut` if the end is missing."""
        if self._is_packed and self._received and not self._inflater.eof:
            raise OutgoingFailed(host=self._host, reason="cut")
        return bytes(self._content)

    def _unpack(self, chunk: bytes) -> None:
        chunk, self._held = self._held + chunk, b""
        while chunk and not self._is_over:
            if self._inflater.eof:
                # A further member follows, or filling that is none of the content.
                if chunk == _GZIP_START[:1]:
                    self._held = chunk
                    return
                if not chunk.startswith(_GZIP_START):
                    self._is_over = True
                    return
                self._members += 1
                if self._members == MAX_MEMBERS:
                    raise OutgoingFailed(host=self._host, reason="content_encoding")
                self._inflater = zlib.decompressobj(_GZIP)
            room = self._limit - len(self._content)
            piece = self._inflater.decompress(chunk, room + 1)
            if len(piece) > room:
                raise OutgoingTooLarge(host=self._host, limit=self._limit)
            self._content += piece
            chunk = self._inflater.unused_data if self._inflater.eof else self._inflater.unconsumed_tail
