"""The archive of one person's or tenant's data: a zip file of rows, contents and a manifest.

Hides the format. Caller: `service.privacy`. Invariants: memory does not grow with what is in the tables,
only with the number of contents; each part is in the manifest with its digest.
"""

import hashlib
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from langgraph_multi_agent import __version__
from langgraph_multi_agent.domain.ports import Clock
from langgraph_multi_agent.store import privacy
from langgraph_multi_agent.store.belongings import Belongings, Subject, belongings
from langgraph_multi_agent.store.database import Store
from langgraph_multi_agent.store.privacy import DECISIONS

FORMAT = "lgma-privacy-export/1"
CHUNK_BYTES = 1024 * 1024


class Dossier:
    """An archive that is being written.

    Args:
        file: empty and seekable; stays open.

    Attributes:
        digests: contents that the rows name.
        counts: rows by table.
        files: bytes of each content that is in it.
        missing: digests of contents that could not be had; the caller adds them.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._zip = zipfile.ZipFile(file, "w")
        self._tables: list[dict[str, Any]] = []
        self.digests: set[str] = set()
        self.counts: dict[str, int] = {}
        self.files: dict[str, int] = {}
        self.missing: list[str] = []

    def write_rows(self, store: Store, subject: Subject) -> None:
        """All tables; from the start, for a read that broke off comes again."""
        self._zip.close()
        self._file.seek(0)
        self._file.truncate()
        self._zip = zipfile.ZipFile(self._file, "w", zipfile.ZIP_DEFLATED, allowZip64=True)
        self._tables, self.counts, self.digests = [], {}, set()
        owned = belongings(store, subject)
        for name, decision in DECISIONS.items():
            if decision.is_exported:
                self._write_table(store, owned, name)

    def _write_table(self, store: Store, owned: Belongings, name: str) -> None:
        digest, count, place = hashlib.sha256(), 0, f"data/{name}.jsonl"
        with self._zip.open(place, "w", force_zip64=True) as part:
            for page in privacy.rows_of(store, owned, name):
                lines = b"".join(orjson.dumps(row, option=orjson.OPT_UTC_Z) + b"\n" for row in page)
                digest.update(lines)
                part.write(lines)
                count += len(page)
                self.digests.update(_digests_in(page))
        self.counts[name] = count
        self._tables.append({"table": name, "path": place, "rows": count, "sha256": digest.hexdigest()})

    def write_file(self, digest: str, path: Path) -> None:
        """A content under its digest. Raises FileNotFoundError."""
        with path.open("rb") as source, self._zip.open(_place_of(digest), "w", force_zip64=True) as part:
            size = 0
            while chunk := source.read(CHUNK_BYTES):
                part.write(chunk)
                size += len(chunk)
        self.files[digest] = size

    def write_manifest(self, subject: Subject, clock: Clock) -> None:
        """What the archive holds, after all the rest."""
        manifest = {
            "format": FORMAT,
            "program": __version__,
            "created_at": clock.now(),
            "subject": asdict(subject),
            "tables": self._tables,
            "files": [
                {"path": _place_of(digest), "sha256": digest, "size_bytes": size}
                for digest, size in self.files.items()
            ],
            "missing_files": self.missing,
            "not_exported": sorted(name for name, decision in DECISIONS.items() if not decision.is_exported),
            "left_out": {
                name: sorted(decision.secret) for name, decision in DECISIONS.items() if decision.secret
            },
        }
        self._zip.writestr("manifest.json", orjson.dumps(manifest, option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z))

    def close(self) -> None:
        self._zip.close()


def _place_of(digest: str) -> str:
    return f"files/{digest[:2]}/{digest}"


def _digests_in(page: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    return (digest for row in page for key in ("digest", "result_digest") if (digest := row.get(key)))
