"""What no zip archive that is read here may hold, whoever made it.

Hides the ways in which a directory of an archive lies or leads elsewhere. Callers: the checks of DOCX
and XLSX, before a parser opens them. Invariant: at most MAX_PROLOG_BYTES of each XML member are unpacked.
"""

import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Sequence

METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
"""Those of office files; the others take memory by the word of the archive."""
MAX_PROLOG_BYTES = 64 * 1024
BROKEN = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    OSError,
    OverflowError,
    RecursionError,
    ValueError,
)
"""What the zip reader raises for archives that are not what they say."""
_LOCAL_HEADER_BYTES = 30
_SPECIAL = frozenset({stat.S_IFLNK, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK})
_DRIVE = re.compile(r"[A-Za-z]:")
_ROOT = re.compile(rb"<[^?!\s]")


def harm_in(archive: zipfile.ZipFile) -> str | None:
    """Why an archive is unsafe: the reason of an `InputUnsafe`, or None.

    Raises:
        One of BROKEN: it is no archive that an office program writes.
    """
    members = archive.infolist()
    if any(_leads_elsewhere(member.orig_filename) for member in members):
        return "path_traversal"
    if any(stat.S_IFMT(member.external_attr >> 16) in _SPECIAL for member in members):
        return "special_member"
    if len({member.filename.lower() for member in members}) < len(members):
        return "duplicate_member"
    if _overlaps(members, archive.start_dir):
        return "overlapping_members"
    if any(member.compress_type not in METHODS for member in members):
        raise zipfile.BadZipFile("an unusual compression method")
    for member in members:
        if member.filename.lower().endswith((".xml", ".rels")) and not member.flag_bits & 1:
            with archive.open(member) as part:
                if _hides_a_dtd(part.read(MAX_PROLOG_BYTES)):
                    return "xml_entities"
    return None


def _leads_elsewhere(name: str) -> bool:
    plain = name.replace("\\", "/")
    return plain.startswith("/") or "\0" in plain or ".." in plain.split("/") or _DRIVE.match(plain) is not None


def _overlaps(members: Sequence[zipfile.ZipInfo], end: int) -> bool:
    """Whether two members share bytes, so that a small file is many large ones."""
    for member in sorted(members, key=lambda one: one.header_offset, reverse=True):
        if member.header_offset + _LOCAL_HEADER_BYTES + member.compress_size > end:
            return True
        end = member.header_offset
    return False


def _hides_a_dtd(head: bytes) -> bool:
    """A DTD stands before the root element; NULs are dropped so that UTF-16 hides nothing."""
    plain = head.replace(b"\x00", b"").lower()
    return b"<!doctype" in plain or (len(head) == MAX_PROLOG_BYTES and _ROOT.search(plain) is None)
