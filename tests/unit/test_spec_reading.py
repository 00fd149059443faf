"""YAML as Slipway reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from slipway.spec.yaml_reader import Document, read_document


def read(tmp_path: Path, text: str | bytes) -> Document:
    """A document of the given text."""
    path = tmp_path / "include" / "models" / "x" / "model.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_document(path)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("1e-6", 1e-6),
        ("0.5", 0.5),
        (".5", 0.5),
        ("-3", -3),
        ("007", 7),
        ("1234567890123456789", 1234567890123456789),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("null", None),
        ("NO", "NO"),
        ("on", "on"),
        ("2013-01-01", "2013-01-01"),
        ("12:30:00", "12:30:00"),
        ("1_000", "1_000"),
        (".nan", ".nan"),
        ("1e999", "1e999"),
        ("'5'", "5"),
        ('"true"', "true"),
        ("[a, {b: 1}]", ["a", {"b": 1}]),
    ],
)
def test_value_is_what_its_author_sees(tmp_path: Path, written: str, value: Any) -> None:
    """Numbers are numbers, true and false are booleans, and all else is text."""
    assert read(tmp_path, f"field: {written}\n").value == {"field": value}


def test_keys_are_text(tmp_path: Path) -> None:
    """A key is never read as a boolean or a number."""
    assert read(tmp_path, "on: 1\n2: 1\nnull: 1\n").value == {"on": 1, "2": 1, "null": 1}


def test_every_field_has_its_line(tmp_path: Path) -> None:
    """A field's line is found by its path; a missing field has its parent's line."""
    document = read(tmp_path, "# about\na:\n  b:\n    - x\n    - c: 1\n")
    assert document.line(("a", "b", 1, "c")) == 5
    assert document.line(("a", "b", 0)) == 4
    assert document.line(("a", "nowhere", "below")) == 2


def test_byte_order_mark_is_no_content(tmp_path: Path) -> None:
    """A file with a byte order mark reads like any other."""
    assert read(tmp_path, b"\xef\xbb\xbfa: 1\r\n").value == {"a": 1}


@pytest.mark.parametrize(
    ("text", "summary", "line"),
    [
        ("", "is empty", None),
        ("# only a comment\n", "is empty", None),
        ("---\n", "is empty", None),
        ("- a\n- b\n", "must be a mapping of fields", 1),
        ("just text\n", "must be a mapping of fields", 1),
        ("a: 1\n---\nb: 2\n", "holds a second document", 2),
        ("a: &here [1]\nb: *here\n", "uses an alias", 2),
        ("a: !!python/object:os.system x\n", "uses a tag", 1),
        ("a: 1\n? [b]\n: 2\n", "has a key that is not text", 2),
        ("a: 1\nb: [1, 2\n", "is not YAML", 3),
        ("a: 1\nb: 'open\n", "is not YAML", 3),
        ("a: b: c\n", "is not YAML", 1),
        ("a: 1\n\x07: 2\n", "is not YAML: control characters", 2),
        (b"a: 1\nb: caf\xe9\n", "is not UTF-8 text", 2),
        ("a:\n  " + "[" * 50, "nested more", 2),
        ("[" * 100_000, "nested more", 1),
        ("a: '" + "x" * 300_000 + "'", "is larger than", None),
    ],
)
def test_unreadable_file_is_a_problem(
    tmp_path: Path, text: str | bytes, summary: str, line: int | None
) -> None:
    """An unreadable file is a problem with a line, and nothing is raised."""
    document = read(tmp_path, text)
    (problem,) = document.problems
    assert document.value is None
    assert summary in problem.summary
    assert problem.line == line
    assert problem.file == "include/models/x/model.yaml"


def test_tabs_are_named_as_the_cause(tmp_path: Path) -> None:
    """The problem's hint names tabs."""
    (problem,) = read(tmp_path, "a:\n\tb: 1\n").problems
    assert problem.hint == "indent with spaces; YAML allows no tabs"


def test_field_written_twice_names_both_lines(tmp_path: Path) -> None:
    """Neither of two values is taken silently."""
    (problem,) = read(tmp_path, "a:\n  b: 1\n  c: 2\n  b: 3\n").problems
    assert str(problem).startswith("include/models/x/model.yaml:4: a.b: is written twice")
    assert "first on line 2" in problem.summary


def test_path_that_is_no_file_is_a_problem(tmp_path: Path) -> None:
    """A folder or a dangling link in place of the file is a problem."""
    folder, link = tmp_path / "folder.yaml", tmp_path / "link.yaml"
    folder.mkdir()
    link.symlink_to("gone")
    assert [len(read_document(path).problems) for path in (folder, link)] == [1, 1]
