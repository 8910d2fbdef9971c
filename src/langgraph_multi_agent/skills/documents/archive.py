"""Checks a zip-based document before anything opens it.

Hides what a hostile archive can do: unpack to gigabytes, name files outside, declare XML
entities. The DOCX extractor calls it first. Invariant: after `check_archive` returns, unpacking
every member stays within the limits, because zipfile reads no more than a member declares.
"""

import zipfile
from pathlib import Path

from langgraph_multi_agent.domain.errors import InputUnreadable, InputUnsafe
from langgraph_multi_agent.skills.zipped import BROKEN, harm_in

MAX_UNPACKED_BYTES = 1024**3
MAX_RATIO = 100
MAX_MEMBERS = 10_000
RATIO_FREE_BYTES = 1024**2
"""Members smaller than this may compress as well as they like: they harm nobody."""


def check_archive(path: Path, name: str) -> None:
    """Refuse what would harm.

    Raises:
        InputUnreadable: not a zip archive, or a broken or encrypted one.
        InputUnsafe: too large unpacked, too high a ratio, or what `harm_in` finds: a path outside, a
            link, two members of one name or in one place, a DTD in its XML.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if len(members) > MAX_MEMBERS:
                raise InputUnsafe(file=name, reason="too_many_members")
            packed = max(1, sum(member.compress_size for member in members))
            unpacked = sum(member.file_size for member in members)
            if unpacked > MAX_UNPACKED_BYTES:
                raise InputUnsafe(file=name, reason="unpacked_too_large")
            if unpacked > RATIO_FREE_BYTES and unpacked > MAX_RATIO * packed:
                raise InputUnsafe(file=name, reason="compression_ratio")
            for member in members:
                if member.flag_bits & 0x1:
                    raise InputUnreadable(file=name, reason="encrypted")
                if member.file_size > RATIO_FREE_BYTES and member.file_size > MAX_RATIO * max(
                    1, member.compress_size
                ):
                    raise InputUnsafe(file=name, reason="compression_ratio")
            if (harm := harm_in(archive)) is not None:
                raise InputUnsafe(file=name, reason=harm)
    except BROKEN as error:
        raise InputUnreadable(file=name, reason="broken_archive") from error
