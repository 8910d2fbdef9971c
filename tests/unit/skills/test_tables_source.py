"""Opening tables: every supported format, odd names, broken files, and locks on the engine."""

import json
import zipfile
from pathlib import Path

import duckdb
import openpyxl
import pytest

from langgraph_multi_agent.domain.errors import Fault, InputTooLarge, InputUnreadable, InputUnsafe
from langgraph_multi_agent.domain.finding import Finding
from langgraph_multi_agent.i18n import LANGUAGES
from langgraph_multi_agent.i18n.statement import statement
from langgraph_multi_agent.skills.tables import analyse, profile, recompute
from langgraph_multi_agent.skills.tables.limits import TableLimits
from langgraph_multi_agent.skills.tables.source import open_table

LIMITS = TableLimits()


def stored(tmp_path: Path, name: str, content: str | bytes) -> Path:
    path = tmp_path / f"stored-{name}"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def read(tmp_path: Path, name: str, content: str | bytes) -> tuple[list[tuple[str, str]], list[tuple]]:
    with open_table(stored(tmp_path, name, content), name, LIMITS) as table:
        return [(c.name, c.type) for c in table.columns], table.all("SELECT * FROM data")


def refusal(tmp_path: Path, name: str, content: str | bytes, limits: TableLimits = LIMITS) -> Fault:
    with pytest.raises(Fault) as caught, open_table(stored(tmp_path, name, content), name, limits):
        pass
    return caught.value


def test_odd_column_names_become_unique_identifiers(tmp_path: Path) -> None:
    header = 'select,"na ""me",销售额,😀, 日期 ,a,A,,a_2'
    lines = (header, "1,x,2,3,2020-01-01,4,5,6,7", "2,y,3,4,2020-01-02,5,6,7,8", "")
    columns, rows = read(tmp_path, "a.csv", "\n".join(lines))
    assert [name for name, _ in columns] == [
        "select", 'na "me', "销售额", "😀", "日期", "a", "A_3", "column_8", "a_2",
    ]  # fmt: skip
    assert len(rows) == 2


def test_quoted_newlines_and_any_line_end_read_alike(tmp_path: Path) -> None:
    text = 'a,b\n1,"x\ny"\n2,z\n'
    plain = read(tmp_path, "a.csv", text)
    assert plain[1] == [(1, "x\ny"), (2, "z")]
    assert read(tmp_path, "b.csv", text.replace("\n", "\r\n")) == plain
    assert read(tmp_path, "c.csv", 'a,b\r\n1,"x\ny"\r\n2,z\r\n') == plain


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_chinese_text_is_read_in_its_encodings(tmp_path: Path, encoding: str) -> None:
    columns, rows = read(tmp_path, "a.csv", "地区,销售额\n华东,1\n华南,2\n".encode(encoding))
    assert columns == [("地区", "VARCHAR"), ("销售额", "BIGINT")]
    assert rows == [("华东", 1), ("华南", 2)]


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1"])
def test_western_text_is_not_taken_for_chinese(tmp_path: Path, encoding: str) -> None:
    text = "Städte;Größe\nKöln;5\nMünchen;7\nSão João;2\nConceição;3\nCréée;4\n"
    columns, rows = read(tmp_path, "a.csv", text.encode(encoding))
    assert columns == [("Städte", "VARCHAR"), ("Größe", "BIGINT")]
    assert [row[0] for row in rows] == ["Köln", "München", "São João", "Conceição", "Créée"]


def test_traditional_characters_are_chinese_though_less_common(tmp_path: Path) -> None:
    text = "縣市,人口數,銷售額\n臺北市,1,2\n高雄市,3,4\n"
    columns, rows = read(tmp_path, "a.csv", text.encode("gb18030"))
    assert [name for name, _ in columns] == ["縣市", "人口數", "銷售額"]
    assert rows[0] == ("臺北市", 1, 2)


@pytest.mark.parametrize(
    "content",
    [
        "Город,Сумма\nМосква,1\n".encode("cp1251"),
        "Größe,Köln\nMünchen,Länge\nÜbung,Äpfel\nStraße,schön\n".encode() + b"d\xe9j,1\n",
        "地区,销售额\n华东,1\n华南,2\n".encode() + b"\xe5,3\n",
    ],
    ids=["cyrillic", "damaged utf-8", "damaged chinese utf-8"],
)
def test_text_that_no_encoding_makes_plausible_is_refused(tmp_path: Path, content: bytes) -> None:
    fault = refusal(tmp_path, "a.csv", content)
    assert isinstance(fault, InputUnreadable)
    assert fault.params["reason"] == "encoding"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_separator_is_found(tmp_path: Path, delimiter: str) -> None:
    text = "a,b,c\n1,x,2.5\n2,y,3.5\n".replace(",", delimiter)
    assert read(tmp_path, "a.csv", text)[1] == [(1, "x", 2.5), (2, "y", 3.5)]


@pytest.mark.parametrize(
    ("written", "kind", "value"),
    [
        (["1,200.50", "¥30"], "DOUBLE", 1200.5),
        (["12%", "7.5%"], "DOUBLE", 12.0),
        (["1e3", "2.5"], "DOUBLE", 1000.0),
        (["007", "010"], "VARCHAR", "007"),
        (["12345678901234567890", "12345678901234567891"], "VARCHAR", "12345678901234567890"),
        (["2020/1/2", "2020/1/3"], "DATE", "2020-01-02"),
        (["2020年1月2日", "2020年1月3日"], "DATE", "2020-01-02"),
        (["01/02/2020", "01/03/2020"], "DATE", "2020-02-01"),
        (["01/02/2020", "01/13/2020"], "DATE", "2020-01-02"),
        (["2020-01", "2020-02"], "DATE", "2020-01-01"),
        (["Jan 1 2000", "Feb 1 2000"], "DATE", "2000-01-01"),
        (["20200102", "20200103"], "DATE", "2020-01-02"),
        (["2020-01-02T03:04:05Z", "2020-01-02T03:04:06Z"], "TIMESTAMP", "2020-01-02 03:04:05"),
        (["2020-01-02 03:04", "2020-01-02 03:05"], "TIMESTAMP", "2020-01-02 03:04:00"),
        (["inf", "nan"], "VARCHAR", "inf"),
    ],
)
def test_types_follow_from_the_values(tmp_path: Path, written: list[str], kind: str, value: object) -> None:
    quoted = "\n".join(f'"{item}",x' for item in written)
    columns, rows = read(tmp_path, "a.csv", f"v,other\n{quoted}\n")
    assert columns[0] == ("v", kind)
    shown = (
        rows[0][0] if isinstance(value, float | str) and kind in ("DOUBLE", "VARCHAR") else str(rows[0][0])
    )
    assert shown == value


@pytest.mark.parametrize(
    ("delimiter", "written", "kind", "values"),
    [
        (";", ["1.234,56", "99,5", "-7", "1.000"], "DOUBLE", [1234.56, 99.5, -7.0, 1000.0]),
        ("\t", ["12,5 €", "1.234.567,8 €"], "DOUBLE", [12.5, 1234567.8]),
        (";", ["1,234", "0,250"], "DOUBLE", [1.234, 0.25]),
        ("|", ["1,234", "987"], "DOUBLE", [1234.0, 987.0]),
        (";", ["1,234.50", "2.5"], "DOUBLE", [1234.5, 2.5]),
        (";", ["1.234", "2.5"], "DOUBLE", [1.234, 2.5]),
        (";", ["007,5", "010"], "VARCHAR", ["007,5", "010"]),
        (",", ["12,5", "13,5"], "VARCHAR", ["12,5", "13,5"]),
    ],
)
def test_a_decimal_comma_is_one_where_the_separator_leaves_it_free(
    tmp_path: Path, delimiter: str, written: list[str], kind: str, values: list[object]
) -> None:
    text = "".join(f'x{delimiter}"{item}"\n' for item in written)
    columns, rows = read(tmp_path, "a.csv", f"k{delimiter}v\n{text}")
    assert columns[1] == ("v", kind)
    assert [row[1] for row in rows] == values


def test_points_part_thousands_in_a_file_with_decimal_commas(tmp_path: Path) -> None:
    columns, rows = read(tmp_path, "a.csv", "Umsatz;Menge\n1.234,56;1.200\n99,5;12.000\n7,25;90\n")
    assert columns == [("Umsatz", "DOUBLE"), ("Menge", "DOUBLE")]
    assert rows == [(1234.56, 1200.0), (99.5, 12000.0), (7.25, 90.0)]


def test_a_column_with_decimal_commas_is_a_measure_and_recomputed_alike(tmp_path: Path) -> None:
    lines = [
        f"{1 + i % 28:02d}.{1 + i // 28:02d}.2024;{'NS'[i % 2]};1.{i:03d},{i % 90 + 10}" for i in range(60)
    ]
    path = stored(tmp_path, "u.csv", "Datum;Filiale;Umsatz\n" + "\n".join(lines) + "\n")
    answer = profile.run({"file": str(path), "name": "u.csv"})
    assert [c["role"] for c in answer["columns"]] == ["time", "category", "measure"]
    query = {"id": "q", "sql": "SELECT min(Umsatz) AS low, max(Umsatz) AS high FROM data"}
    again = recompute.run({"file": str(path), "name": "u.csv", "queries": [query]})
    assert again["rows"]["q"] == {
        "low": answer["columns"][2]["minimum"],
        "high": answer["columns"][2]["maximum"],
    }
    assert again["rows"]["q"]["low"] == 1000.10


def test_words_for_nothing_are_missing_and_stray_words_do_not_spoil_a_column(tmp_path: Path) -> None:
    cells = ["NA", "-", "", "n/a", "无", "缺测", "sensor broken"] + [str(i / 2) for i in range(20)]
    path = stored(tmp_path, "a.csv", "v,w\n" + "".join(f"{cell},x\n" for cell in cells))
    answer = profile.run({"file": str(path), "name": "a.csv"})
    column = answer["columns"][0]
    assert (column["role"], column["missing"], column["misfits"]) == ("measure", 7, 1)


def test_a_file_without_a_header_gets_names(tmp_path: Path) -> None:
    assert read(tmp_path, "a.csv", "1,2\n3,4\n") == (
        [("column_1", "BIGINT"), ("column_2", "BIGINT")],
        [(1, 2), (3, 4)],
    )


def test_json_in_its_forms_reads_alike(tmp_path: Path) -> None:
    records = [{"地区": "东", "v": {"x": 1, "y/z": 2.5}}, {"地区": None, "v": {"x": 3}, "t": [1, 2]}]
    array = read(tmp_path, "a.json", json.dumps(records))
    assert array[0] == [("地区", "VARCHAR"), ("v.x", "BIGINT"), ("v.y/z", "DOUBLE"), ("t", "VARCHAR")]
    assert array[1] == [("东", 1, 2.5, None), (None, 3, None, "[1,2]")]
    assert read(tmp_path, "b.jsonl", "\n".join(map(json.dumps, records))) == array
    assert read(tmp_path, "c.json", json.dumps({"status": "ok", "items": records})) == array


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    duckdb.sql(
        "SELECT i::INTEGER AS i, (i / 3)::DECIMAL(10, 2) AS d, DATE '2020-01-01' + i::INT AS t,"
        " 'x' || i AS s, i % 2 = 0 AS b, [i] AS l, '2021-01-0' || (i + 1) AS text_date FROM range(5) r(i)"
    ).write_parquet(str(path))
    with open_table(path, "a.parquet", LIMITS) as table:
        assert [(c.name, c.type) for c in table.columns] == [
            ("i", "BIGINT"), ("d", "DOUBLE"), ("t", "DATE"), ("s", "VARCHAR"), ("b", "VARCHAR"),
            ("l", "VARCHAR"), ("text_date", "DATE"),
        ]  # fmt: skip


def test_a_workbook_is_read_below_its_title(tmp_path: Path) -> None:
    import datetime as dt

    book = openpyxl.Workbook()
    empty, sheet = book.active, book.create_sheet("数据")
    assert empty is not None
    for row in (["年度报表"], [], ["日期", "v", "s"], [dt.datetime(2020, 1, 1), 1.0, 'a,"b"\nc'],  # noqa: DTZ001
                [dt.datetime(2020, 1, 2), 2.5, None]):  # fmt: skip  # noqa: DTZ001
        sheet.append(row)
    path = tmp_path / "w.xlsx"
    book.save(path)
    with open_table(path, "w.xlsx", LIMITS) as table:
        assert table.notes == {"sheet": "数据"}
        assert [(c.name, c.type) for c in table.columns] == [
            ("日期", "DATE"),
            ("v", "DOUBLE"),
            ("s", "VARCHAR"),
        ]
        assert table.all("SELECT v, s FROM data") == [(1.0, 'a,"b"\nc'), (2.5, None)]


MONTHS = [(f"2023年{i + 1}月", 100 + i, 7.5 * i + 1) for i in range(12)]


@pytest.mark.parametrize("label", ["合计", "总计", "小计：", "Total", "SUM", "Grand total"])
@pytest.mark.parametrize("name", ["t.csv", "t.xlsx", "t.json"])
def test_a_last_row_of_totals_is_left_out_and_said(tmp_path: Path, name: str, label: str) -> None:
    rows = [*MONTHS, (label, 1266, 507.0)]
    path = tmp_path / name
    if name == "t.xlsx":
        book = openpyxl.Workbook()
        assert book.active is not None
        for row in [("月份", "订单", "销售额"), *rows]:
            book.active.append(row)
        book.save(path)
    elif name == "t.json":
        path.write_text(json.dumps([{"月份": m, "订单": n, "销售额": v} for m, n, v in rows]))
    else:
        path.write_text("月份,订单,销售额\n" + "".join(f"{m},{n},{v}\n" for m, n, v in rows))
    params = {"file": str(path), "name": name}
    described = profile.run(params)
    assert described["rows"] == 12
    assert [column["type"] for column in described["columns"]] == ["DATE", "BIGINT", "DOUBLE"]
    query = {"id": "q", "sql": 'SELECT sum("订单") AS total, count(*) AS rows FROM data'}
    assert recompute.run({**params, "queries": [query]})["rows"]["q"] == {"total": 1266, "rows": 12}
    found = map(Finding.from_json, analyse.run({**params, "analysis": "profile"})["findings"])
    (told,) = (finding for finding in found if finding.template == "finding.profile.total")
    for language in LANGUAGES:
        assert label in statement(told, language)
        assert "12" in statement(told, language)


@pytest.mark.parametrize(
    "rows",
    [
        ["Sum,1", "Anna,2", "Total,3"],
        ["2023-01,1", "合计,2", "2023-02,3"],
        ["2023-01,1", "2023-02,2", "总计算,3"],
    ],
    ids=["words among words", "not the last", "another word"],
)
def test_other_rows_stay_data(tmp_path: Path, rows: list[str]) -> None:
    path = stored(tmp_path, "a.csv", "k,v\n" + "\n".join(rows) + "\n")
    answer = profile.run({"file": str(path), "name": "a.csv"})
    assert answer["rows"] == 3
    assert "total_row" not in answer["notes"]


def bomb(path: Path, megabytes: int, members: int = 1) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        for number in range(members):
            archive.writestr(f"xl/worksheets/sheet{number}.xml", b"0" * megabytes * 1024**2)
    return path


def test_a_workbook_that_unpacks_to_too_much_is_refused_from_its_directory(tmp_path: Path) -> None:
    path = bomb(tmp_path / "bomb.xlsx", 30)
    with pytest.raises(InputUnsafe) as caught, open_table(path, "bomb.xlsx", LIMITS):
        pass
    assert caught.value.params["reason"] == "unpacked_ratio"
    small = TableLimits(unpacked_bytes=10 * 1024**2)
    with pytest.raises(InputUnsafe) as caught, open_table(path, "bomb.xlsx", small):
        pass
    assert caught.value.params["reason"] == "unpacked_size"
    with pytest.raises(InputTooLarge), open_table(path, "bomb.xlsx", TableLimits(workbook_bytes=100)):
        pass


@pytest.mark.parametrize(
    ("name", "content", "reason", "line"),
    [
        ("a.csv", "", "empty", None),
        ("a.csv", "\n\n", "empty", None),
        ("a.csv", "a,b\n", "header_only", None),
        ("a.csv", "a,b\n1,2\n3,4,5\n6,7\n", "ragged_row", 3),
        ("a.csv", "a,b\n1,2\n3\n6,7\n", "ragged_row", 3),
        ("a.csv", 'a,b\n1,2\n3,"4\n5,6\n', "quote", 3),
        ("a.csv", b"a,b\n1,2\n3,\x00\n", "binary", 3),
        ("a.csv", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "binary", 3),
        ("a.csv", b"a,b\n1,2\n3,\xff\xff\xff\n", "encoding", 3),
        ("a.json", '[{"a": 1,\n"b": }]', "json", 2),
        ("a.json", "[1, 2]", "json", None),
        ("a.json", "[]", "empty", None),
        ("a.jsonl", '{"a": 1}\n{"a": \n', "json", 3),
        ("a.parquet", "PAR1 but not really", "parquet", None),
        ("a.xlsx", "not a zip", "not_a_workbook", None),
        ("a.exe", "MZ", "format", None),
    ],
)
def test_a_broken_file_is_refused_with_reason_and_place(
    tmp_path: Path, name: str, content: str | bytes, reason: str, line: int | None
) -> None:
    fault = refusal(tmp_path, name, content)
    assert isinstance(fault, InputUnreadable)
    assert fault.params["name"] == name
    assert fault.params["reason"] == reason
    assert fault.params.get("line") == line


def test_no_message_tells_where_the_file_is_stored(tmp_path: Path) -> None:
    for name, content in (("a.parquet", b"PAR1 broken"), ("a.json", b"[{]"), ("a.csv", b'a,b\n1,"x" y\n')):
        assert str(tmp_path) not in json.dumps(refusal(tmp_path, name, content).params)


def test_limits_are_held(tmp_path: Path) -> None:
    wide = ",".join(f"c{i}" for i in range(30)) + "\n" + ",".join("1" * 30) + "\n"
    assert isinstance(refusal(tmp_path, "a.csv", wide, TableLimits(columns=20)), InputTooLarge)
    assert isinstance(refusal(tmp_path, "a.csv", wide, TableLimits(file_bytes=10)), InputTooLarge)


def test_an_open_table_reaches_no_file_and_no_network(tmp_path: Path) -> None:
    path = stored(tmp_path, "a.csv", "a,b\n1,2\n")
    with open_table(path, "a.csv", LIMITS) as table:
        for sql in (
            f"SELECT * FROM read_csv('{path}')",
            f"COPY data TO '{tmp_path / 'out.csv'}'",
            f"ATTACH '{tmp_path / 'other.db'}'",
            "INSTALL httpfs",
            "SET threads = 4",
            "SET enable_external_access = true",
        ):
            with pytest.raises(duckdb.Error):
                table.engine.execute(sql)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_the_same_file_gives_the_same_table_each_time(tmp_path: Path) -> None:
    rows = "".join(f"{i},{i * 0.1:.3f},g{i % 7}\n" for i in range(5000))
    first = read(tmp_path, "a.csv", "i,v,g\n" + rows)
    assert read(tmp_path, "a.csv", "i,v,g\n" + rows) == first
    assert [row[0] for row in first[1]] == list(range(5000))


def test_roles_are_told_apart(tmp_path: Path) -> None:
    header = "id,日期,销售额,地区,备注,版本,year,is_new,month,zip\n"
    rows = "".join(
        f"{1000 + i},2020-01-{1 + i % 28:02d},{(i * 37) % 101 + 0.5},区{i % 4},第 {i} 条 说明,1,{1990 + i % 30},"
        f"{i % 2},{1 + i % 12},0{i % 9}100\n"
        for i in range(60)
    )
    answer = profile.run({"file": str(stored(tmp_path, "a.csv", header + rows)), "name": "a.csv"})
    assert {c["name"]: c["role"] for c in answer["columns"]} == {
        "id": "id", "日期": "time", "销售额": "measure", "地区": "category", "备注": "text",
        "版本": "constant", "year": "time", "is_new": "category", "month": "category", "zip": "category",
    }  # fmt: skip
    assert answer["rows"] == 60


def test_a_wide_table_has_a_small_profile(tmp_path: Path) -> None:
    wide = (
        ",".join(f"c{i}" for i in range(500))
        + "\n"
        + "\n".join(",".join("12"[i % 2] for i in range(500)) for _ in range(3))
        + "\n"
    )
    answer = profile.run({"file": str(stored(tmp_path, "a.csv", wide)), "name": "a.csv"})
    assert (answer["column_count"], len(answer["columns"])) == (500, 200)
