"""Makes real documents for tests: PDF with Latin and Chinese text, DOCX, HTML, archives."""

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path

import docx
from pypdf import PdfReader, PdfWriter


def pdf_bytes(pages: Sequence[Sequence[str]], *, title: str = "") -> bytes:
    """A PDF whose every line can be read back; characters of the basic plane, LF-free lines."""
    objects: list[bytes] = []

    def add(body: bytes) -> int:
        objects.append(body)
        return len(objects)

    def stream(data: bytes) -> bytes:
        return b"<< /Length %d >>\nstream\n%s\nendstream" % (len(data), data)

    to_unicode = add(
        stream(
            b"/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def /CMapType 2 def\n"
            b"1 begincodespacerange <0000> <FFFF> endcodespacerange\n"
            b"1 beginbfrange <0000> <FFFF> <0000> endbfrange\nendcmap end end"
        )
    )
    descendant = add(
        b"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /X /DW 1000 "
        b"/CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> >>"
    )
    font = add(
        b"<< /Type /Font /Subtype /Type0 /BaseFont /X /Encoding /Identity-H "
        b"/DescendantFonts [%d 0 R] /ToUnicode %d 0 R >>" % (descendant, to_unicode)
    )
    parent = len(objects) + 2 * len(pages) + 1
    kids = []
    for lines in pages:
        body = b"BT /F1 10 Tf 14 TL 40 800 Td " + b" T* ".join(
            b"<%s> Tj" % line.encode("utf-16-be").hex().encode() for line in lines
        )
        content = add(stream(body + b" ET"))
        kids.append(
            add(
                b"<< /Type /Page /Parent %d 0 R /MediaBox [0 0 595 842] /Contents %d 0 R "
                b"/Resources << /Font << /F1 %d 0 R >> >> >>" % (parent, content, font)
            )
        )
    tree = add(
        b"<< /Type /Pages /Count %d /Kids [%s] >>" % (len(kids), b" ".join(b"%d 0 R" % kid for kid in kids))
    )
    catalog = add(b"<< /Type /Catalog /Pages %d 0 R >>" % tree)
    info = add(b"<< /Title <FEFF%s> >>" % title.encode("utf-16-be").hex().encode())
    out = io.BytesIO()
    out.write(b"%PDF-1.7\n")
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(out.tell())
        out.write(b"%d 0 obj\n%s\nendobj\n" % (number, body))
    start = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    out.writelines(b"%010d 00000 n \n" % offset for offset in offsets)
    out.write(
        b"trailer\n<< /Size %d /Root %d 0 R /Info %d 0 R >>\nstartxref\n%d\n%%%%EOF\n"
        % (len(objects) + 1, catalog, info, start)
    )
    return out.getvalue()


def encrypted_pdf_bytes(password: str) -> bytes:
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf_bytes([["secret text"]]))))
    writer.encrypt(password, algorithm="RC4-128")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def docx_bytes(content: Sequence[tuple[str, str]], *, rows: Sequence[Sequence[str]] = ()) -> bytes:
    """A DOCX of (style, text) paragraphs, such as ("Heading 1", "…"), and one table at the end."""
    document = docx.Document()
    for style, text in content:
        document.add_paragraph(text, style=style)
    if rows:
        table = document.add_table(rows=0, cols=len(rows[0]))
        for row in rows:
            for cell, value in zip(table.add_row().cells, row, strict=True):
                cell.text = value
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def with_member(archive: bytes, name: str, body: bytes) -> bytes:
    """The archive with one member replaced or added, deflated."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for item in old.infolist():
            if item.filename != name:
                new.writestr(item.filename, old.read(item.filename))
        new.writestr(name, body)
    return out.getvalue()


def stored(directory: Path, name: str, content: bytes | str) -> dict[str, str]:
    """Write a file the way the artifact store does, without its suffix: `{"path", "name"}`."""
    path = directory / f"blob-{len(list(directory.iterdir()))}"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return {"path": str(path), "name": name}
