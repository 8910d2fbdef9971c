"""Opens a file as a DuckDB table `data`.

Callers: the table skills. Hides formats, encodings, types and the engine's settings. Invariant:
`data` is the same for the same file in every process: rows in file order, types decided from all
rows, one thread. After opening, the engine reaches no file and no network, and its settings are locked.
"""

import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from langgraph_multi_agent.domain.errors import InputTooLarge, InputUnreadable
from langgraph_multi_agent.skills.tables import coltypes, textfile, workbook
from langgraph_multi_agent.skills.tables.coltypes import Decision
from langgraph_multi_agent.skills.tables.limits import TableLimits
from langgraph_multi_agent.skills.tables.sqltext import literal, quoted
from langgraph_multi_agent.skills.tables.totalrow import drop_total

DELIMITED = {".csv": None, ".tsv": "\t", ".tab": "\t", ".txt": None}
JSON_SUFFIXES = (".json", ".jsonl", ".ndjson")
PACKED = (".parquet", ".xlsx", ".xlsm")
SUFFIXES = (*DELIMITED, *JSON_SUFFIXES, ".parquet", ".xlsx", ".xlsm")
IN_MEMORY_BYTES = 48 * 1024**2
"""Smaller text files are held in memory; the others in a file of the scratch directory."""
COLUMNS_PER_QUERY = 16
"""Columns counted at once; planning grows faster than their number."""
DATE_SAMPLE = 50
TOTAL_NOTE = "total_row"
JSON_DOCUMENT_BYTES = 64 * 1024 * 1024
"""Largest single record, and largest object that wraps an array of records."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of `data`. `type` is BIGINT, DOUBLE, DATE, TIMESTAMP or VARCHAR."""

    name: str
    type: str
    misfits: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """An open table. `notes` tell how the file was read: encoding, separator, sheet, and the label
    of a last row of totals that was left out (TOTAL_NOTE).
    """

    name: str
    engine: duckdb.DuckDBPyConnection
    columns: tuple[Column, ...]
    rows: int
    notes: dict[str, Any] = field(default_factory=dict)

    def column(self, name: str) -> Column | None:
        return next((column for column in self.columns if column.name == name), None)

    def row(self, sql: str) -> dict[str, Any]:
        """The first row of a query by column name."""
        cursor = self.engine.execute(sql)
        names = [item[0] for item in cursor.description or ()]
        values = cursor.fetchone()
        return dict(zip(names, values, strict=True)) if values is not None else {}

    def all(self, sql: str) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = self.engine.execute(sql).fetchall()
        return found

    def arrays(self, sql: str) -> dict[str, Any]:
        """Columns of a query as numpy arrays; masked where NULL."""
        found: dict[str, Any] = self.engine.execute(sql).fetchnumpy()
        return found


@contextmanager
def open_table(path: Path, name: str, limits: TableLimits) -> Iterator[Table]:
    """Open a file for as long as the block lasts.

    Args:
        path: the file's content, whatever its name.
        name: the name it was given; its ending tells the format.

    Raises:
        InputUnreadable: reasons `format`, `empty`, `header_only`, `binary`, `encoding`,
            `ragged_row`, `quote`, `row`, `json`, `parquet`, `not_a_workbook`, `columns`.
        InputUnsafe: a workbook that would unpack to too much.
        InputTooLarge: size, columns or cells.
    """
    suffix = Path(name).suffix.lower()
    if suffix not in SUFFIXES:
        raise InputUnreadable(name=name, reason="format", suffix=suffix)
    if not path.is_file():
        raise InputUnreadable(name=name, reason="missing")
    if suffix in (".xlsx", ".xlsm"):
        workbook.check_archive(path, name, limits)
    elif path.stat().st_size > limits.file_bytes:
        raise InputTooLarge(name=name, size_bytes=path.stat().st_size, max_bytes=limits.file_bytes)
    elif path.stat().st_size == 0:
        raise InputUnreadable(name=name, reason="empty")
    with tempfile.TemporaryDirectory(prefix="table-") as directory:
        scratch = Path(directory)
        engine = _engine(path, scratch, limits, is_packed=suffix in PACKED)
        try:
            if suffix in (".xlsx", ".xlsm"):
                text, sheet = workbook.to_delimited(path, name, scratch, limits)
                columns, notes = _read_delimited(engine, text, name, ",", limits, trusted=True)
                notes = {"sheet": sheet, **{k: v for k, v in notes.items() if k == TOTAL_NOTE}}
                text.unlink()
            elif suffix in DELIMITED:
                text, encoding = textfile.plain_text(path, name, scratch)
                columns, notes = _read_delimited(engine, text, name, DELIMITED[suffix], limits)
                notes["encoding"] = encoding
            elif suffix == ".parquet":
                columns, notes = _read_parquet(engine, path, name, limits)
            else:
                text, encoding = textfile.plain_text(path, name, scratch)
                columns, notes = _read_json(engine, text, name, limits)
                notes["encoding"] = encoding
            engine.execute("SET enable_external_access = false")
            engine.execute("SET lock_configuration = true")
            counted = engine.execute("SELECT count(*) FROM data").fetchone()
            rows = int(counted[0]) if counted else 0
            if rows == 0:
                raise InputUnreadable(name=name, reason="header_only", columns=len(columns))
            yield Table(name=name, engine=engine, columns=columns, rows=rows, notes=notes)
        finally:
            engine.close()


def _engine(path: Path, scratch: Path, limits: TableLimits, *, is_packed: bool) -> duckdb.DuckDBPyConnection:
    # Packed formats grow when read, and a wide table on disk takes a block for each column.
    is_small = path.stat().st_size <= IN_MEMORY_BYTES and not is_packed
    engine = duckdb.connect(
        ":memory:" if is_small else str(scratch / "table.duckdb"),
        config={
            "threads": 1,
            "default_block_size": 16384,
            "memory_limit": f"{limits.engine_bytes // 1024**2}MiB",
            "temp_directory": str(scratch / "spill"),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "preserve_insertion_order": True,
        },
    )
    engine.execute("SET TimeZone = 'UTC'")
    engine.execute("SET enable_progress_bar = false")
    # A crash loses the scratch directory anyway, so no checkpoint is worth its time.
    engine.execute("SET checkpoint_threshold = '256MB'")
    return engine


def _check_width(name: str, width: int, limits: TableLimits) -> None:
    if width > limits.columns:
        raise InputTooLarge(name=name, columns=width, max_columns=limits.columns)


def _read_delimited(
    engine: duckdb.DuckDBPyConnection,
    text: Path,
    name: str,
    delimiter: str | None,
    limits: TableLimits,
    *,
    trusted: bool = False,
) -> tuple[tuple[Column, ...], dict[str, Any]]:
    dialect = textfile.dialect_of(text, name, delimiter=delimiter)
    width = len(dialect.header)
    _check_width(name, width, limits)
    header = dialect.header if dialect.has_header else ("",) * width
    names = textfile.column_names(header)
    fields = ", ".join(f"{literal(f'c{i}')}: 'VARCHAR'" for i in range(width))
    select = ", ".join(f"{coltypes.cleaned(f'c{i}')} AS {quoted(column)}" for i, column in enumerate(names))
    try:
        engine.execute(
            f"CREATE TABLE raw AS SELECT {select} FROM read_csv({literal(str(text))},"
            f" auto_detect = false, header = {str(dialect.has_header).lower()},"
            f" delim = {literal(dialect.delimiter)}, quote = '\"', escape = '\"', comment = '',"
            f" columns = {{{fields}}}, null_padding = false, strict_mode = {str(not trusted).lower()},"
            f" max_line_size = {textfile.FIELD_CHARACTERS})"
        )
    except duckdb.Error as error:
        if isinstance(error, duckdb.OutOfMemoryException):
            raise
        raise _broken_csv(error, text, name, dialect, width) from None
    total = _without_total(engine, names)
    return _typed(engine, names, delimiter=dialect.delimiter), {
        **total,
        "delimiter": dialect.delimiter,
        "header": dialect.has_header,
    }


def _broken_csv(
    error: duckdb.Error, text: Path, name: str, dialect: textfile.Dialect, width: int
) -> InputUnreadable:
    message = str(error)
    found = re.search(r"Line: (\d+)", message)
    line = int(found[1]) if found else 0
    if "quote" in message.split("Possible fixes", maxsplit=1)[0].lower():
        return InputUnreadable(name=name, reason="quote", line=line)
    bad = textfile.first_bad_row(text, dialect.delimiter, width)
    if bad is not None and bad[1]:
        return InputUnreadable(name=name, reason="ragged_row", line=bad[0], expected=width, found=bad[1])
    return InputUnreadable(
        name=name, reason="row", line=line, detail=message.split("\n", maxsplit=1)[0][:200]
    )


def _read_json(
    engine: duckdb.DuckDBPyConnection, text: Path, name: str, limits: TableLimits
) -> tuple[tuple[Column, ...], dict[str, Any]]:
    try:
        engine.execute(
            f"CREATE TABLE records AS SELECT json AS j FROM read_json_objects({literal(str(text))},"
            f" format = 'auto', maximum_object_size = {JSON_DOCUMENT_BYTES})"
        )
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as error:
        raise _broken_json(error, text, name) from None
    kinds = engine.execute("SELECT json_type(j), count(*) FROM records GROUP BY 1").fetchall()
    counts = {kind: int(count) for kind, count in kinds}
    if counts == {"OBJECT": 1} and (key := _wrapped(engine)) is not None:
        engine.execute(
            "CREATE OR REPLACE TABLE records AS SELECT unnest(CAST(json_extract(j,"
            f" {literal(key)}) AS JSON[])) AS j FROM records"
        )
        kinds = engine.execute("SELECT json_type(j), count(*) FROM records GROUP BY 1").fetchall()
        counts = {kind: int(count) for kind, count in kinds}
    if not counts:
        raise InputUnreadable(name=name, reason="empty")
    if counts.keys() != {"OBJECT"}:
        raise InputUnreadable(name=name, reason="json", detail="records are not objects")
    paths = _json_paths(engine)
    if not paths:
        raise InputUnreadable(name=name, reason="header_only", columns=0)
    _check_width(name, len(paths), limits)
    names = textfile.column_names([".".join(path) for path in paths])
    pointers = ["/" + "/".join(p.replace("~", "~0").replace("/", "~1") for p in path) for path in paths]
    extracted = ", ".join(
        f"json_extract_string(j, {literal(pointer)}) AS {quoted(column)}"
        for pointer, column in zip(pointers, names, strict=True)
    )
    select = ", ".join(f"{coltypes.cleaned(column)} AS {quoted(column)}" for column in names)
    engine.execute(f"CREATE TABLE raw AS SELECT {select} FROM (SELECT {extracted} FROM records)")
    engine.execute("DROP TABLE records")
    total = _without_total(engine, names)
    return _typed(engine, names), total


def _wrapped(engine: duckdb.DuckDBPyConnection) -> str | None:
    """Path of the first array of objects inside the only record."""
    keys = engine.execute("SELECT unnest(json_keys(j)) FROM records").fetchall()
    for (key,) in keys:
        pointer = "/" + key.replace("~", "~0").replace("/", "~1")
        found = engine.execute(
            f"SELECT json_type(j, {literal(pointer)}), json_type(j, {literal(pointer + '/0')}) FROM records"
        ).fetchone()
        if found == ("ARRAY", "OBJECT"):
            return str(pointer)
    return None


def _json_paths(engine: duckdb.DuckDBPyConnection) -> list[tuple[str, ...]]:
    """Keys in order of first appearance; objects are opened one level deep."""
    top = engine.execute(
        "SELECT k, bool_or(t = 'OBJECT') AND bool_and(t IN ('OBJECT', 'NULL')) FROM (SELECT k, r,"
        " json_type(j, '/' || replace(replace(k, '~', '~0'), '/', '~1')) AS t FROM (SELECT j,"
        " rowid AS r, unnest(json_keys(j)) AS k FROM records)) GROUP BY k ORDER BY min(r), k"
    ).fetchall()
    order = _key_order(engine)
    top.sort(key=lambda item: order.get(item[0], len(order)))
    paths: list[tuple[str, ...]] = []
    for key, is_object in top:
        if not is_object:
            paths.append((key,))
            continue
        pointer = literal("/" + key.replace("~", "~0").replace("/", "~1"))
        inner = engine.execute(
            f"SELECT k FROM (SELECT rowid AS r, unnest(json_keys(j, {pointer})) AS k FROM records)"
            " GROUP BY k ORDER BY min(r), k"
        ).fetchall()
        paths += [(key, name) for (name,) in inner]
    return paths


def _key_order(engine: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Place of a key in the first record, which is how people think of the columns."""
    first = engine.execute("SELECT json_keys(j) FROM records ORDER BY rowid LIMIT 1").fetchone()
    return {key: place for place, key in enumerate(first[0] if first else ())}


def _broken_json(error: duckdb.Error, text: Path, name: str) -> InputUnreadable:
    message = str(error).split("\n")[0]
    byte = re.search(r"at byte (\d+)", message)
    line = re.search(r"line (\d+)", message)
    place: dict[str, Any] = {}
    if line:
        place["line"] = int(line[1])
    elif byte:
        with text.open("rb") as file:
            place["line"] = file.read(int(byte[1])).count(b"\n") + 1
    detail = re.sub(r'in file "[^"]*",? ?', "", message)
    return InputUnreadable(name=name, reason="json", detail=detail[:200], **place)


_NUMERIC_TYPES = re.compile(r"(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|DOUBLE|DECIMAL.*)")
_WHOLE_TYPES = re.compile(r"(TINYINT|SMALLINT|INTEGER|BIGINT|UTINYINT|USMALLINT|UINTEGER)")


def _read_parquet(
    engine: duckdb.DuckDBPyConnection, path: Path, name: str, limits: TableLimits
) -> tuple[tuple[Column, ...], dict[str, Any]]:
    source = f"read_parquet({literal(str(path))})"
    try:
        described = engine.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
        counted = engine.execute(
            f"SELECT num_rows FROM parquet_file_metadata({literal(str(path))})"
        ).fetchone()
        rows = int(counted[0]) if counted else 0
        _check_width(name, len(described), limits)
        if rows * len(described) > limits.cells:
            raise InputTooLarge(name=name, cells=rows * len(described), max_cells=limits.cells)
        originals = [str(item[0]) for item in described]
        names = textfile.column_names(originals)
        parts, texts = [], []
        for original, column, kind in zip(
            originals, names, (str(item[1]) for item in described), strict=True
        ):
            expression, is_text = _from_parquet(quoted(original), kind)
            parts.append(f"{expression} AS {quoted(column)}")
            if is_text:
                texts.append(column)
        engine.execute(f"CREATE TABLE raw AS SELECT {', '.join(parts)} FROM {source}")
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as error:
        detail = str(error).split("\n")[0].replace(str(path), name)[:200]
        raise InputUnreadable(name=name, reason="parquet", detail=detail) from None
    total = _without_total(engine, names)
    return _typed(engine, names, texts), total


def _from_parquet(column: str, kind: str) -> tuple[str, bool]:
    """Expression to one of the types of `data`, and whether it is text whose type is still open."""
    if kind == "DATE":
        return column, False
    if kind.startswith("TIMESTAMP"):
        return f"CAST({column} AS TIMESTAMP)", False
    if _WHOLE_TYPES.fullmatch(kind):
        return f"CAST({column} AS BIGINT)", False
    if _NUMERIC_TYPES.fullmatch(kind):
        number = f"CAST({column} AS DOUBLE)"
        return f"CASE WHEN isfinite({number}) THEN {number} END", False
    if kind == "BLOB":
        return f"hex({column})", False
    return f"CAST({column} AS VARCHAR)", True


def _without_total(engine: duckdb.DuckDBPyConnection, names: Sequence[str]) -> dict[str, Any]:
    """Leave a last row of totals out of `raw`, with the note of it."""
    total = drop_total(engine, names)
    return {} if total is None else {TOTAL_NOTE: total}


def _typed(
    engine: duckdb.DuckDBPyConnection,
    names: Sequence[str],
    texts: Sequence[str] | None = None,
    *,
    delimiter: str = ",",
) -> tuple[Column, ...]:
    """Make `data` from `raw`. Columns outside `texts` keep the type that they have.

    Only where `delimiter` leaves the comma free can it be the decimal sign.
    """
    open_names = list(names if texts is None else texts)
    decisions: dict[str, Decision] = {}
    for start in range(0, len(open_names), COLUMNS_PER_QUERY):
        part = open_names[start : start + COLUMNS_PER_QUERY]
        parts = [item for column in part for item in coltypes.first_counts(column)]
        counts = engine.execute(f"SELECT {', '.join(parts)} FROM raw").fetchone() or ()
        step = coltypes.COUNTS_PER_COLUMN
        for place, column in enumerate(part):
            mine = counts[place * step : (place + 1) * step]
            decisions[column] = _decide(engine, column, mine)
    if delimiter != ",":
        decisions |= _with_commas(engine, decisions, delimiter)
    kinds = {str(item[0]): str(item[1]) for item in engine.execute("DESCRIBE raw").fetchall()}
    columns, select = [], []
    for column in names:
        decision = decisions.get(column)
        if decision is None:
            columns.append(Column(name=column, type=kinds[column]))
            select.append(quoted(column))
        else:
            columns.append(Column(name=column, type=decision.type, misfits=decision.misfits))
            select.append(f"{decision.expression} AS {quoted(column)}")
    if all(item in (quoted(c), f"{quoted(c)} AS {quoted(c)}") for item, c in zip(select, names, strict=True)):
        engine.execute("ALTER TABLE raw RENAME TO data")
    else:
        engine.execute(f"CREATE TABLE data AS SELECT {', '.join(select)} FROM raw")
        engine.execute("DROP TABLE raw")
    return tuple(columns)


def _decide(engine: duckdb.DuckDBPyConnection, column: str, counts: Sequence[Any]) -> Decision:
    values = int(counts[0])
    numeric = coltypes.decide_clean(column, counts)
    if numeric is not None and not (numeric.type == "BIGINT" and len(str(counts[5])) == 8):
        return numeric
    dates = _decide_dates(engine, column, values)
    if dates is not None:
        return dates
    if numeric is not None:
        return numeric
    if int(counts[3]):
        return Decision(type="VARCHAR", expression=quoted(column), misfits=0)
    found = engine.execute(f"SELECT {', '.join(coltypes.number_counts(column))} FROM raw").fetchone() or (
        0,
        0,
    )
    return coltypes.decide_numbers(column, values, int(found[0]), int(found[1]))


def _with_commas(
    engine: duckdb.DuckDBPyConnection, decisions: dict[str, Decision], delimiter: str
) -> dict[str, Decision]:
    """The columns whose numbers are written with decimal commas, with what they are then."""
    counted: dict[str, tuple[int, tuple[Any, ...]]] = {}
    for column, decision in decisions.items():
        if decision.type in ("DATE", "TIMESTAMP", "BIGINT") and not decision.misfits:
            continue
        parts = ", ".join(coltypes.comma_counts(column))
        values, codes, *counts = engine.execute(
            f"SELECT count({quoted(column)}),"
            f" count(*) FILTER (WHERE regexp_full_match({quoted(column)}, {literal(coltypes.CODE)})),"
            f" {parts} FROM raw"
        ).fetchone() or (0, 0)
        if values and not codes:
            counted[column] = int(values), tuple(counts)

    def decided(*, is_comma_file: bool) -> dict[str, Decision]:
        found = {
            column: coltypes.decide_comma(
                column, values, counts, delimiter=delimiter, is_comma_file=is_comma_file
            )
            for column, (values, counts) in counted.items()
        }
        return {column: decision for column, decision in found.items() if decision is not None}

    certain = decided(is_comma_file=False)
    return decided(is_comma_file=True) if certain else {}


def _decide_dates(engine: duckdb.DuckDBPyConnection, column: str, values: int) -> Decision | None:
    """The first format that reads the most values; day and month are told apart by the counts."""
    c = quoted(column)
    sample = [
        str(row[0])
        for row in engine.execute(
            f"SELECT {c} FROM raw WHERE {c} IS NOT NULL ORDER BY rowid LIMIT {DATE_SAMPLE}"
        ).fetchall()
    ]
    candidates = coltypes.date_candidates(sample)
    best: tuple[int, int, str, bool] | None = None
    for form, has_clock in candidates:
        expression = coltypes.date_expression(column, form, has_clock)
        found = engine.execute(
            f"SELECT count(d), count(DISTINCT month(d)) FROM (SELECT {expression} AS d FROM raw)"
        ).fetchone() or (0, 0)
        ranked = (int(found[0]), int(found[1]), form, has_clock)
        if best is None or ranked[:2] > best[:2]:
            best = ranked
    if best is None:
        return None
    return coltypes.decide_dates(column, values, best[2], best[3], best[0])
