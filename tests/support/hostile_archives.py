"""Office files that would harm whoever opens them: bombs, lies about sizes, links, entities.

Called by the tests of hostile archives. Invariant: each takes less than 2 MB on disk, and is made anew.
"""

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import cache

from tests.support.documents import docx_bytes

CANARY = "lgma-canary-4f1c"
"""What lies outside, and must be in no text that was read."""
DOCX, XLSX = "a.docx", "a.xlsx"
MAIN = {DOCX: "word/document.xml", XLSX: "xl/worksheets/sheet1.xml"}
CENTRAL, LOCAL, END = b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06"
_SHEETS = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"


def cell(place: str, text: str) -> str:
    return f'<c r="{place}" t="inlineStr"><is><t>{text}</t></is></c>'


def sheet(*rows: str) -> str:
    return f'<worksheet xmlns="{_SHEETS}"><sheetData>{"".join(rows)}</sheetData></worksheet>'


def plain_sheet(text: str = "x") -> str:
    head = cell("A1", "name") + cell("B1", "number")
    return sheet(f'<row r="1">{head}</row>', f'<row r="2">{cell("A2", text)}{cell("B2", "2")}</row>')


def xlsx_parts(main: str) -> dict[str, str]:
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    return {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{kind}.sheet.main+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{kind}.worksheet+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" '
        f'Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{_SHEETS}" xmlns:r="{_OFFICE}"><sheets>'
        '<sheet name="S" sheetId="1" r:id="rId1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship '
        f'Id="rId1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": main,
    }


def packed(parts: Mapping[str, str | bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return out.getvalue()


def parts_of(kind: str) -> dict[str, bytes]:
    """The members of a good file, which a case then spoils."""
    if kind == XLSX:
        return {name: content.encode() for name, content in xlsx_parts(plain_sheet()).items()}
    return dict(_docx_parts())


@cache
def _docx_parts() -> Mapping[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(docx_bytes([("Normal", "some words")]))) as archive:
        return {item.filename: archive.read(item) for item in archive.infolist()}


def with_special(kind: str, name: str, mode: int) -> bytes:
    out = io.BytesIO(packed(parts_of(kind)))
    with zipfile.ZipFile(out, "a") as archive:
        member = zipfile.ZipInfo(name)
        member.create_system, member.external_attr = 3, (mode | 0o777) << 16
        archive.writestr(member, "/etc/passwd")
    return out.getvalue()


def with_name(name: str) -> bytes:
    """An archive with a member of exactly this name."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        member = zipfile.ZipInfo("x")
        member.filename = name  # the constructor would cut and turn it
        archive.writestr(member, b"x")
    return out.getvalue()


def twice(kind: str) -> bytes:
    out = packed({**parts_of(kind), "n" * len(MAIN[kind]): b"<x/>"})
    return out.replace(b"n" * len(MAIN[kind]), MAIN[kind].encode())


def patched(content: bytes, name: str, **fields: int) -> bytes:
    """Fields of a member's entry in the directory, overwritten."""
    offsets = {"flags": (8, "<H"), "method": (10, "<H"), "crc": (16, "<I"), "packed": (20, "<I")}
    offsets |= {"size": (24, "<I"), "place": (42, "<I")}
    at = _entry(content, name)
    for field, value in fields.items():
        offset, form = offsets[field]
        size = struct.calcsize(form)
        content = content[: at + offset] + struct.pack(form, value) + content[at + offset + size :]
    return content


def _entry(content: bytes, name: str) -> int:
    directory = struct.unpack("<I", content[content.rindex(END) + 16 :][:4])[0]
    at = content.index(name.encode(), directory) - 46
    assert content[at : at + 4] == CENTRAL
    return int(at)


def overlapping(kind: str, *, count: int, content: bytes) -> bytes:
    """Many entries for the same bytes, each of them for the price of one."""
    body = zlib.compress(content, 9)[2:-4]
    head = packed(parts_of(kind))
    directory = struct.unpack("<I", head[head.rindex(END) + 16 :][:4])[0]
    entries = head[directory : head.rindex(END)]
    known = head[: head.rindex(END)].count(CENTRAL)
    crc, size = zlib.crc32(content), len(content)
    name = b"media/0000.bin"
    local = LOCAL + struct.pack(
        "<HHHHHIIIHH", 20, 0, 8, 0, 33, crc, len(body), size, len(name), 0
    )
    shared = directory
    for number in range(count):
        entries += CENTRAL + struct.pack(
            "<HHHHHHIIIHHHHHII",
            20, 20, 0, 8, 0, 33, crc, len(body), size, len(name), 0, 0, 0, 0, 0, shared,
        ) + b"media/%04d.bin" % number  # fmt: skip
    start = directory + len(local) + len(name) + len(body)
    total = known + count
    end = END + struct.pack("<HHHHIIH", 0, 0, total, total, len(entries), start, 0)
    return head[:directory] + local + name + body + entries + end


def zip64_lies(kind: str) -> Iterator[tuple[str, bytes]]:
    good = packed(parts_of(kind))
    main = MAIN[kind]
    yield "zip64 sizes without their field", patched(good, main, size=0xFFFFFFFF, packed=0xFFFFFFFF)
    yield "zip64 place without its field", patched(good, main, place=0xFFFFFFFF)
    for what, extra in (
        ("short", struct.pack("<HHI", 1, 4, 5)),
        ("huge", struct.pack("<HHQQQ", 1, 24, 2**63 - 1, 2**63 - 1, 2**63 - 1)),
        ("negative", struct.pack("<HHQQQ", 1, 24, 2**64 - 1, 2**64 - 1, 2**64 - 1)),
        ("longer than it is", struct.pack("<HHQ", 1, 60_000, 1)),
    ):
        spoiled = patched(good, main, size=0xFFFFFFFF, packed=0xFFFFFFFF, place=0xFFFFFFFF)
        at = _entry(spoiled, main)
        name_end = at + 46 + len(main)
        spoiled = spoiled[: at + 30] + struct.pack("<H", len(extra)) + spoiled[at + 32 :]
        spoiled = spoiled[:name_end] + extra + spoiled[name_end:]
        end = spoiled.rindex(END)
        size = struct.unpack("<I", spoiled[end + 12 : end + 16])[0] + len(extra)
        yield f"zip64 field {what}", spoiled[: end + 12] + struct.pack("<I", size) + spoiled[end + 16 :]
    end = good.rindex(END)
    record = b"PK\x06\x06" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, 2**40, 2**40, 2**50, 2**60)
    locator = b"PK\x06\x07" + struct.pack("<IQI", 0, end, 1)
    marked = END + struct.pack("<HHHHIIH", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    yield "zip64 end that counts 2^40", good[:end] + record + locator + marked
    elsewhere = b"PK\x06\x07" + struct.pack("<IQI", 0, 2**62, 1)
    yield "zip64 end that lies elsewhere", good[:end] + elsewhere + marked


def lzma_bomb(kind: str) -> bytes:
    """A member whose filter asks for a dictionary of 4 GB."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in parts_of(kind).items():
            method = zipfile.ZIP_LZMA if name == MAIN[kind] else zipfile.ZIP_DEFLATED
            archive.writestr(name, content, compress_type=method)
    content = out.getvalue()
    at = content.index(MAIN[kind].encode()) + len(MAIN[kind])
    return content[: at + 5] + b"\xff\xff\xff\xff" + content[at + 9 :]


def spoiled_by(kind: str) -> Iterator[tuple[str, bytes]]:
    """What is wrong, and a file that is: each must be refused."""
    good, main = packed(parts_of(kind)), MAIN[kind]
    for what, mode in (
        ("a link", stat.S_IFLNK),
        ("a character device", stat.S_IFCHR),
        ("a block device", stat.S_IFBLK),
        ("a pipe", stat.S_IFIFO),
        ("a socket", stat.S_IFSOCK),
    ):
        yield what, with_special(kind, "media/first.png", mode)
    yield "two members of one name", twice(kind)
    yield "two members of one name, in other letters", packed({**parts_of(kind), main.upper(): b"<x/>"})
    yield "a flat bomb", packed({**parts_of(kind), "media/a.bin": bytes(60_000_000)})
    yield "a bomb of many", packed({**parts_of(kind), **{f"media/{n}.bin": bytes(2_000_000) for n in range(50)}})
    yield "many members", packed({**parts_of(kind), **{f"m/{n}": b"" for n in range(10_001)}}, zipfile.ZIP_STORED)
    yield "members in one place", overlapping(kind, count=300, content=bytes(20_000_000))
    yield "few members in one place", overlapping(kind, count=2, content=bytes(range(256)) * 4)
    yield "encrypted", patched(good, main, flags=1)
    yield "a wrong checksum", patched(good, main, crc=1)
    noise = b"<!--" + bytes(range(33, 127)).replace(b"-", b"") * 3000 + b"-->"
    long = {**parts_of(kind), main: parts_of(kind)[main] + noise}
    yield "a wrong checksum far in", patched(packed(long, zipfile.ZIP_STORED), main, crc=1)
    yield "a smaller size than it has", patched(packed(long), main, size=100)
    yield "a size of 3 GB", patched(good, main, size=3_000_000_000)
    yield "a packed size that is longer than the file", patched(good, main, packed=500_000_000)
    yield "a packed size that is too short", patched(good, main, packed=20)
    yield "a place outside of the file", patched(good, main, place=2_000_000_000)
    yield "the place of another member", patched(good, main, place=0)
    for method in (1, 6, 9, 12, 14, 93, 95, 98, 99, 65535):
        yield f"compression method {method}", patched(good, main, method=method)
    yield "a dictionary of 4 GB", lzma_bomb(kind)
    yield "bzip2", packed(parts_of(kind), zipfile.ZIP_BZIP2)
    yield "cut in the middle", good[: len(good) // 2]
    yield "cut before its end", good[:-4]
    yield "only an end", good[good.rindex(END) :]
    yield "a directory of zeros", good[: good.index(CENTRAL)] + bytes(len(good) - good.index(CENTRAL))
    yield "no archive", b"%PDF-1.4 no archive"
    yield "a gzip file", b"\x1f\x8b\x08" + bytes(50)
    yield "a tar file", b"a" * 257 + b"ustar\x00" + bytes(512)
    yield "no members", packed({})
    yield "another archive inside and nothing else", packed({"inner.zip": good})
    yield from zip64_lies(kind)
    yield from _entities(kind)


def _entities(kind: str) -> Iterator[tuple[str, bytes]]:
    main = MAIN[kind]
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    doctypes = {
        "a billion laughs": f'<!DOCTYPE x [<!ENTITY l0 "lol">{laughs}]>',
        "a quadratic entity": f'<!DOCTYPE x [<!ENTITY l9 "{"q" * 100_000}">]>',
        "an external entity": '<!DOCTYPE x [<!ENTITY l9 SYSTEM "file://@CANARY@">]>',
        "a public entity": '<!DOCTYPE x [<!ENTITY l9 PUBLIC "p" "http://127.0.0.1:9/x">]>',
        "a parameter entity": '<!DOCTYPE x [<!ENTITY % p SYSTEM "file://@CANARY@">%p;<!ENTITY l9 "x">]>',
        "an external subset": '<!DOCTYPE x SYSTEM "file://@CANARY@" [<!ENTITY l9 "x">]>',
        "an entity in small letters": '<!doctype x [<!ENTITY l9 "x">]>',
    }
    text = parts_of(kind)[main].decode()
    text = text[text.index("<w:document") :] if kind == DOCX else text
    word = "some words" if kind == DOCX else ">x<"
    asked = text.replace(word, word.replace("x", "&l9;") if kind == XLSX else "&l9;" * 5)
    for what, doctype in doctypes.items():
        yield what, packed({**parts_of(kind), main: f'<?xml version="1.0"?>{doctype}{asked}'})
    laugh = doctypes["a billion laughs"]
    yield "laughs behind a long comment", packed({**parts_of(kind), main: f"<!--{'c' * 70_000}-->{laugh}{asked}"})
    wide = f'<?xml version="1.0" encoding="utf-16"?>{laugh}{asked}'.encode("utf-16")
    yield "laughs in UTF-16", packed({**parts_of(kind), main: wide})
    for other in ("[Content_Types].xml", "_rels/.rels"):
        plain = parts_of(kind)[other].decode()
        plain = plain[plain.index("<", plain.index("?>") if "?>" in plain else 0) :]
        yield f"laughs in {other}", packed({**parts_of(kind), other: laugh + plain})


def cyclic_styles() -> bytes:
    """A document whose style is based on itself, by way of another."""
    parts = parts_of(DOCX)
    styles = parts["word/styles.xml"]
    circle = b"".join(
        b'<w:style w:type="paragraph" w:styleId="%s"><w:name w:val="%s"/><w:basedOn w:val="%s"/></w:style>'
        % (one, one, other)
        for one, other in ((b"Ring", b"Rang"), (b"Rang", b"Ring"))
    )
    parts["word/styles.xml"] = styles.replace(b"</w:styles>", circle + b"</w:styles>")
    body = parts[MAIN[DOCX]]
    asked = b'<w:p><w:pPr><w:pStyle w:val="Ring"/></w:pPr><w:r><w:t>round and round</w:t></w:r></w:p>'
    parts[MAIN[DOCX]] = body.replace(b"<w:body>", b"<w:body>" + asked)
    return packed(parts)


def greedy() -> Mapping[str, tuple[str, Callable[[], bytes]]]:
    """What is small by every size it states, and large once it is understood: name → file name, maker."""
    many = 60_000

    def shared() -> bytes:
        rows = "".join(f'<row r="{n}"><c r="A{n}" t="s"><v>0</v></c></row>' for n in range(1, many))
        parts = xlsx_parts(sheet(rows))
        parts["xl/sharedStrings.xml"] = f'<sst xmlns="{_SHEETS}"><si><t>{"s" * 32_000}</t></si></sst>'
        link = f'<Relationship Id="rId2" Type="{_OFFICE}/sharedStrings" Target="sharedStrings.xml"/>'
        key = "xl/_rels/workbook.xml.rels"
        parts[key] = parts[key].replace("</Relationships>", link + "</Relationships>")
        return packed(parts)

    def corners() -> bytes:
        first, last = cell("A1", "a"), cell("XFD1048576", "z")
        return packed(xlsx_parts(sheet(f'<row r="1">{first}</row>', f'<row r="1048576">{last}</row>')))

    def nested() -> bytes:
        parts = parts_of(DOCX)
        body = parts[MAIN[DOCX]]
        deep = b"<w:p>" * 60_000 + b"</w:p>" * 60_000
        parts[MAIN[DOCX]] = body.replace(b"<w:body>", b"<w:body>" + deep)
        parts["noise.bin"] = bytes(range(256)) * 40
        return packed(parts)

    return {
        "one long text in every cell": (XLSX, shared),
        "two corners of the largest sheet": (XLSX, corners),
        "elements nested 60 000 deep": (DOCX, nested),
        "styles in a circle": (DOCX, cyclic_styles),
    }
