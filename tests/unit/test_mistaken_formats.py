"""Files under another format, encoding or header than theirs: what they are told to be."""

from __future__ import annotations

import pandas as pd
import pytest

from slipway.spec.csv import Csv
from slipway.stages.ingest.header import header_problem
from tests.support.people_files import HEADER, ROW, delivered


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("ID,at,miles\n", "ID differs only in case"),
        ("id;at;miles\n", "separated by `;`"),
        ("id,at,miles\u00a0\n", "miles<no-break space> differs only in blanks"),
    ],
)
def test_a_header_that_nearly_fits_is_named(header: str, said: str) -> None:
    """Case 27: the verdict names the difference."""
    verdict, _ = delivered(header + ROW)
    assert verdict.action == "blocked"
    assert said in verdict.reason


LINE = '{"id": "a", "at": "2013-05-01", "miles": 1.5}\n'


@pytest.mark.parametrize(
    ("name", "data", "hint"),
    [
        ("x.jsonl.gz", LINE, "name it without `.gz`"),
        ("x.csv.gz", HEADER + ROW, "name it without `.gz`"),
        ("x.parquet", HEADER + ROW, "name it `….csv`"),
        ("x.parquet", LINE, "name it `….jsonl`"),
        ("x.csv", LINE, "name it `….jsonl`"),
        ("x.tsv", LINE, "name it `….jsonl`"),
        ("x.jsonl", HEADER + ROW, "name it `….csv`"),
        ("x.tsv", (HEADER + ROW).replace(",", ";"), "name it `….csv`"),
        ("x.csv", (HEADER + ROW).replace(",", "\t"), "name it `….tsv`"),
    ],
)
def test_a_file_under_the_name_of_another_format_is_told_its_own(
    name: str, data: str, hint: str
) -> None:
    """Texts have no signature; their first line tells them apart."""
    verdict, _ = delivered(data, name=name, delimiter=";")
    assert verdict.action == "blocked"
    assert hint in verdict.reason
    assert "deliver it again" not in verdict.reason


def test_commas_in_tsv_are_told_to_be_csv() -> None:
    """No setting would read them: in `.tsv` files cells are always separated by tabs."""
    verdict, _ = delivered(HEADER + ROW, name="x.tsv")
    assert "hint: name it `….csv`" in verdict.reason


def test_tabs_separate_the_cells_of_tsv_whatever_the_delimiter_of_csv() -> None:
    """One dataset may have files of both."""
    verdict, env = delivered((HEADER + ROW).replace(",", "\t"), name="x.tsv", delimiter=";")
    assert (verdict.action, env.rows()) == ("ingested", {"a": 1.5})


def test_a_header_in_utf8_in_another_encoding_has_the_encoding_as_a_hint() -> None:
    """The columns are not told as missing."""
    names = ["id", "Größe"]
    read = [name.encode().decode("cp1252") for name in names]
    problem = header_problem(read, names, Csv(encoding="cp1252"))
    assert problem is not None
    assert problem.hint == "set `csv: {encoding: utf-8}` in dataset.yaml"


def test_utf8_that_an_encoding_has_no_characters_for_has_the_encoding_as_a_hint() -> None:
    """The second byte of this letter is none of cp1252."""
    verdict, _ = delivered(HEADER + ROW.replace("a,", "\u00c1,"), encoding="cp1252")
    assert "other bytes in line 2, which are UTF-8" in verdict.reason
    assert "hint: set `csv: {encoding: utf-8}` in dataset.yaml" in verdict.reason


def test_an_index_that_pandas_only_counts_is_named() -> None:
    """The file has no column of that name, and its notes have one."""
    frame = pd.DataFrame({"at": pd.to_datetime(["2013-05-01"] * 3, utc=True), "miles": [1, 2, 3]})
    frame.index = pd.RangeIndex(3, name="id")
    verdict, _ = delivered(frame.to_parquet(), name="x.parquet")
    assert verdict.action == "blocked"
    assert "id as pandas' index" in verdict.reason
    assert "reset_index()" in verdict.reason
    assert delivered(frame.reset_index().to_parquet(), name="x.parquet")[0].action == "ingested"


@pytest.mark.parametrize("name", ["x.parquet", "x.jsonl"])
def test_a_file_without_lines_of_names_has_no_hint_at_its_first_line(name: str) -> None:
    """The columns that it has are listed instead."""
    data = pd.DataFrame({"a;at": ["x"], "b": ["y"]})
    packed = data.to_parquet() if name.endswith("t") else data.to_json(orient="records", lines=True)
    verdict, _ = delivered(packed, name=name)
    assert verdict.action == "blocked"
    assert "first line" not in verdict.reason
    assert "header" not in verdict.reason
    assert "undeclared: a;at, b" in verdict.reason


@pytest.mark.parametrize("key", ["other", "id", "miles"])
def test_an_integer_of_five_thousand_digits_is_a_value_like_others(key: str) -> None:
    """In a column that is not declared it stops nothing; as a text it is its digits."""
    row = {"id": '"a"', "at": '"2013-05-01"', "miles": "1", key: "7" * 5000}
    line = ", ".join(f'"{name}": {value}' for name, value in row.items())
    verdict, env = delivered(f"{{{line}}}\n" + LINE.replace('"a"', '"b"'), name="x.jsonl")
    assert verdict.action == "ingested"
    assert set(env.rows()) == {"b", *{"other": ["a"], "id": ["7" * 5000], "miles": []}[key]}
