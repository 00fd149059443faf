"""Problems at a place in a document: its file, its line, and the dotted name of the field."""

from __future__ import annotations

from collections.abc import Iterable

from slipway.spec.problems import Problem, nearest
from slipway.spec.pydantic_errors import dotted
from slipway.spec.yaml_reader import Document, Where


def problem_at(
    document: Document, where: Where, summary: str, *, hint: str | None = None
) -> Problem:
    """Return a problem of one field of a document."""
    return Problem(document.file, document.line(where), dotted(where), summary, hint=hint)


def unknown_name(
    document: Document,
    where: Where,
    name: str,
    *,
    summary: str,
    allowed: Iterable[str],
    hint_without: str | None = None,
) -> Problem:
    """Return the problem of a name that is none of the allowed ones, with the nearest of them.

    Args:
        document: The document that has the name.
        where: Its field.
        name: The name.
        summary: What is wrong with it.
        allowed: Allowed names.
        hint_without: Hint where no name is allowed yet.
    """
    known = tuple(allowed)
    return Problem(
        document.file,
        document.line(where),
        dotted(where),
        f"given {name!r}, {summary}",
        allowed=known,
        nearest=nearest(name, known),
        hint=None if known else hint_without,
    )


def unknown_column(
    document: Document, where: Where, name: str, columns: Iterable[str], stream: str
) -> Problem:
    """Return the problem of a column that a stream does not have."""
    summary = f"which is no column of the {stream} stream"
    return unknown_name(document, where, name, summary=summary, allowed=columns)
