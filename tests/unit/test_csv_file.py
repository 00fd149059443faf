"""CSV files of every dialect, read in blocks: rows, line numbers and broken lines."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from slipway.adapters.sources.csv_file import CsvFile
from slipway.errors import BadBatch
from slipway.settings import DeliveryLimits
from slipway.spec.csv import Csv
from slipway.stages.ports.delivery_source import BrokenLine
from tests.support.csv_files import read, write


def test_cells_stay_text(tmp_path: Path) -> None:
    """Leading zeros, long numbers and words are unchanged; an empty cell is missing."""
    data = b'\xef\xbb\xbfid,n,t\n007,12345678901234567890,NA\n8,,"two\nlines"\n9,"",x\n'
    rows, lines, broken = read(write(tmp_path, data))
    assert rows == [
        ("007", "12345678901234567890", "NA"),
        ("8", None, "two\nlines"),
        ("9", None, "x"),
    ]
    assert (lines, broken) == ([2, 3, 5], [])


def test_a_ragged_line_is_one_broken_line_with_its_number(tmp_path: Path) -> None:
    """Case 17: rows around it are read, and quoted line breaks and blank lines count as lines."""
    data = 'a,b\n1,2\n3,4,5\n\n6,"7\n8"\n9\n10,11\n'
    rows, lines, broken = read(write(tmp_path, data))
    assert rows == [("1", "2"), ("6", "7\n8"), ("10", "11")]
    assert lines == [2, 5, 8]
    assert broken == [
        BrokenLine(3, "has 3 values where the header has 2", "3,4,5"),
        BrokenLine(7, "has 1 value where the header has 2", "9"),
    ]


def test_a_file_of_broken_lines_alone_has_no_rows(tmp_path: Path) -> None:
    """They are returned, so that it can be said what is wrong with them."""
    rows, _, broken = read(write(tmp_path, "a,b\n1;2\n3;4\n"))
    assert rows == []
    assert [one.line for one in broken] == [2, 3]


def test_undeclared_columns_are_never_read(tmp_path: Path) -> None:
    """Case 23: bytes of another encoding, blank and repeated names beside the columns."""
    data = b",id,note,note,\n0,7,caf\xe9,x,\n1,8,y,y,\n"
    rows, _, broken = read(write(tmp_path, data), columns=["id"])
    assert (rows, broken) == ([("7",), ("8",)], [])
    file = CsvFile.open(write(tmp_path, data), Csv(), delimiter=",", limits=DeliveryLimits())
    assert file.names == ("", "id", "note", "note", "")


def test_a_declared_column_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    """Nothing tells which of them is right."""
    with pytest.raises(BadBatch, match="names a column twice: a"):
        read(write(tmp_path, "a,b,a\n1,2,3\n"), columns=["a"])


@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("latin-1", "a.csv"),
        ("cp1252", "a.csv.gz"),
        ("utf-16", "a.csv"),
        ("utf-16-le", "a.csv"),
        ("utf-8-sig", "a.csv.gz"),
        ("utf-32", "a.csv"),
        ("cp037", "a.csv"),
    ],
)
def test_encodings_and_compression(tmp_path: Path, encoding: str, name: str) -> None:
    """Case 19: the text is the same in every encoding, compressed or not."""
    data = 'id,name\n1,"Zo\xeb, the first"\n2,\xfc\n'.encode(encoding)
    path = write(tmp_path, gzip.compress(data, mtime=0) if name.endswith(".gz") else data, name)
    rows, lines, _ = read(path, Csv(encoding=encoding))
    assert rows == [("1", "Zo\xeb, the first"), ("2", "\xfc")]
    assert lines == [2, 3]


def test_a_dialect_is_followed(tmp_path: Path) -> None:
    """Case 15: semicolons, single quotes, and lines above the header."""
    data = "Report of May\n\"not a quote\nid;text\n1;'a;b''c'\n2;\"\n"
    rows, lines, _ = read(write(tmp_path, data), Csv(delimiter=";", quote="'", skip_lines=2))
    assert (rows, lines) == ([("1", "a;b'c"), ("2", '"')], [4, 5])


def test_tabs_separate_the_cells_of_tsv(tmp_path: Path) -> None:
    """The suffix is enough."""
    rows, _, _ = read(write(tmp_path, "a\tb\n1,5\t2\n", "a.tsv"))
    assert rows == [("1,5", "2")]


def test_without_quotes_every_quote_is_text(tmp_path: Path) -> None:
    """`quote: null` takes what was written without quoting."""
    rows, _, broken = read(write(tmp_path, 'a,b\n"x,5"\ny"",z\n'), Csv(quote=None))
    assert (rows, broken) == ([('"x', '5"'), ('y""', "z")], [])


def test_quotes_inside_of_cells_are_characters(tmp_path: Path) -> None:
    """Inches do not open a quoted cell."""
    data = 'a,b\n5" x 7",1\n"q",6" pipe\n"open","a\n""b"""\n8,9,"\n10,11\n'
    rows, lines, broken = read(write(tmp_path, data + '12"\n'), columns=["a", "b"])
    assert rows == [('5" x 7"', "1"), ("q", '6" pipe'), ("open", 'a\n"b"')]
    assert lines == [2, 3, 4]
    assert [one.line for one in broken] == [6]


def test_text_behind_a_closing_quote_is_a_broken_line(tmp_path: Path) -> None:
    """Quotes that are escaped by a backslash, as Spark writes them, are not read as other text."""
    data = 'a,b\n1,"say \\"yes\\" twice"\n2,"fine"\n3,"open" \n'
    rows, lines, broken = read(write(tmp_path, data))
    assert (rows, lines) == ([("2", "fine")], [3])
    assert [(one.line, one.reason) for one in broken] == [
        (2, "has text behind a closing quote"),
        (4, "has text behind a closing quote"),
    ]


def test_line_breaks_of_every_system(tmp_path: Path) -> None:
    """Carriage returns, alone or with line feeds, end rows."""
    rows, lines, _ = read(write(tmp_path, "a,b\r\n1,2\r3,4\n\r\n5,6\r7,8"))
    assert rows == [("1", "2"), ("3", "4"), ("5", "6"), ("7", "8")]
    assert lines == [2, 3, 5, 6]


@pytest.mark.parametrize(
    ("data", "message", "found"),
    [
        (b"", "the file is empty", None),
        (b"\n\n", "the file is empty", None),
        (b"\xef\xbb\xbf", "the file is empty", None),
        (b"a,b\n", "the file holds no rows", None),
        (b"a,b\n\n\n", "the file holds no rows", None),
        (b'a,b\n1,"2\n3,4\n', "cannot be read as CSV", "in the row of line 2 and never closed"),
        (b'a,"b\n1,2\n', "cannot be read as CSV", "in the row of line 1 and never closed"),
        (b"a,b\n1,2\nx,caf\xe9\n", "not in the encoding utf-8", "other bytes in line 3"),
        (b"a,caf\xe9\n1,2\n", "not in the encoding utf-8", "other bytes in the header"),
        ("a,b\n1,2\n".encode("utf-16"), "cannot be read as CSV", "UTF-16"),
        ("a,b\n1,2\n".encode("utf-16-le"), "not in the encoding utf-8", "NUL characters"),
        (gzip.compress(b"a,b\n1,2\n", mtime=0), "cannot be read as CSV", "gzip"),
        (b"PK\x03\x04" + bytes(90), "cannot be read as CSV", "a ZIP archive, as an Excel"),
    ],
)
def test_what_cannot_be_read_is_a_bad_batch(
    tmp_path: Path, data: bytes, message: str, found: str | None
) -> None:
    """The error says what is there instead, and on which line."""
    with pytest.raises(BadBatch, match=message) as error:
        read(write(tmp_path, data))
    assert error.value.expected
    assert (found or "") in (error.value.found or "")


@pytest.mark.parametrize(
    ("data", "encoding", "found"),
    [
        (b"a,b\n1,2\n\x81,4\n", "cp1252", "other bytes in line 3"),
        ("a,b\n1,2\n".encode("utf-16")[:-1], "utf-16", "other bytes in line"),
        (b"a,b\n1,\xc3\xa4\n", "ascii", "other bytes in line 2"),
    ],
)
def test_bytes_of_another_encoding_are_named(
    tmp_path: Path, data: bytes, encoding: str, found: str
) -> None:
    """The hint has the setting."""
    with pytest.raises(BadBatch, match=f"not in the encoding {encoding}") as error:
        read(write(tmp_path, data), Csv(encoding=encoding))
    assert found in (error.value.found or "")
    assert "encoding" in (error.value.hint or "")


@pytest.mark.parametrize("damage", ["cut", "broken", "none"])
def test_damaged_compression_is_a_bad_batch(tmp_path: Path, damage: str) -> None:
    """A file that ends in the middle, one with other bytes, and one that was never compressed."""
    whole = gzip.compress(b"a,b\n" + b"1,2\n" * 100_000, mtime=0)
    middle = len(whole) // 2
    data = {
        "cut": whole[:middle],
        "broken": whole[:middle] + b"\xff" * 20 + whole[middle + 20 :],
        "none": b"a,b\n1,2\n",
    }[damage]
    with pytest.raises(BadBatch, match="cannot be read as a complete gzip") as error:
        read(write(tmp_path, data, "a.csv.gz"))
    assert error.value.hint
