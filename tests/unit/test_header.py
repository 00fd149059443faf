"""Headers that nearly fit: the difference is named as exactly that."""

from __future__ import annotations

import unicodedata

import pytest

from slipway.spec.csv import Csv
from slipway.stages.ingest.header import header_problem, undeclared_columns

DECLARED = ["id", "at", "Preis", "Größe"]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["id", "at", "preis", "Größe"], "preis differs only in case"),
        (["ID", "AT", "PREIS", "GRÖSSE"], "ID differs only in case"),
        (
            ["id", "at", "Preis", unicodedata.normalize("NFD", "Größe")],
            r"'Gro\u0308\xdfe' differs only in Unicode form",
        ),
        (["id", "at", "Preis\u00a0", "Größe"], "Preis<no-break space> differs only in blanks"),
        (["id", " at", "Preis", "Größe"], "' at' differs only in blanks"),
        (["\ufeffid", "at", "Preis", "Größe"], r"'\ufeffid' differs only in blanks"),
        (["id", "at", "'Preis'", "Größe"], "'Preis' differs only in quotes"),
        (["id", "at", " PREIS ", "Größe"], "' PREIS ' differs only in case and blanks"),
    ],
)
def test_a_header_that_nearly_fits_is_named(names: list[str], said: str) -> None:
    """Case 27: case, Unicode form, blanks and quotes; invisible characters are spelt out."""
    problem = header_problem(names, DECLARED, Csv())
    assert problem is not None
    assert said in problem.message
    assert problem.hint


@pytest.mark.parametrize(
    ("names", "csv", "mark"),
    [
        (["id;at;Preis;Größe"], Csv(), '";"'),
        (['id;"at";"Preis";"Größe"'], Csv(), '";"'),
        (["id\tat\tPreis\tGröße"], Csv(), '"\\t"'),
        (["id,at,Preis,Größe"], Csv(delimiter=";"), '","'),
        (["id|at|Preis|Größe|note", "more"], Csv(), '"|"'),
    ],
)
def test_another_delimiter_is_named(names: list[str], csv: Csv, mark: str) -> None:
    """Case 27: the hint has the setting that would read the file."""
    problem = header_problem(names, DECLARED, csv)
    assert problem is not None
    assert "is separated by" in problem.message
    assert f"csv: {{delimiter: {mark}}}" in (problem.hint or "")


@pytest.mark.parametrize(("names", "csv"), [(["sep=;"], Csv()), (["sep=", ""], Csv(delimiter=";"))])
def test_the_line_that_excel_writes_above_the_header_is_named(names: list[str], csv: Csv) -> None:
    """It is passed over by a setting."""
    problem = header_problem(names, DECLARED, csv)
    assert problem is not None
    assert problem.hint == 'set `csv: {delimiter: ";", skip_lines: 1}` in dataset.yaml'


def test_missing_columns_are_listed_once() -> None:
    """The message has what is missing, and no list of what fits."""
    problem = header_problem(["id", "at", "Größe", "Pries", ""], DECLARED, Csv())
    assert problem is not None
    assert problem.message == "the file lacks the column Preis"
    assert problem.found == "undeclared: Pries, an unnamed column"
    assert problem.hint == "Pries is spelt most like it"


def test_a_file_without_a_header_shows_no_value() -> None:
    """The first row's values are not repeated as names."""
    problem = header_problem(["17", "2013-05-01", "9.5", "secret"], DECLARED, Csv())
    assert problem is not None
    assert "secret" not in str(problem)
    assert "skip_lines" in (problem.hint or "")


def test_a_long_list_of_names_is_cut() -> None:
    """A wide file does not fill the page."""
    declared = [f"column_{number}" for number in range(200)]
    problem = header_problem(["column_0"], declared, Csv())
    assert problem is not None
    assert "column_12 and 187 more" in problem.message


def test_further_columns_are_no_problem() -> None:
    """Case 16: unnamed, blank and repeated columns that are not declared."""
    names = ["", *DECLARED, "note", "note", " ", ""]
    assert header_problem(names, DECLARED, Csv()) is None
    assert undeclared_columns(names, DECLARED) == "note, 3 unnamed columns"
    assert undeclared_columns(["", *DECLARED], DECLARED) == "an unnamed column"
    assert undeclared_columns(DECLARED, DECLARED) is None


def test_a_declared_column_that_is_there_twice_is_a_problem() -> None:
    """Case 16: nothing tells which of them is right."""
    problem = header_problem([*DECLARED, "at"], DECLARED, Csv())
    assert problem is not None
    assert problem.message == "the file names a declared column twice: at"
