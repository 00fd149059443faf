"""Sections of a report: titles, lines and tables, as text or as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from slipway.stages.report.charts import Chart

_ACTIVE = re.compile(r"[\\<]|\](?=[(\[:])|!(?=\[)|:(?=//)|(?i:(?<=www))\.")
"""What begins a tag, ends the text of a link, makes it a picture, or a text that is linked as it
stands; and the escape itself.

Source: GitHub Flavored Markdown Spec 0.29, 6.9, extended autolinks.
"""


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        head: Names of the columns.
        rows: Cells of each row.
    """

    head: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Section:
    """A section.

    Attributes:
        title: Title.
        lines: Sentences, a line each.
        table: Table below them, or None.
        chart: What a page of HTML shows beside it, or None.
    """

    title: str
    lines: Sequence[str] = ()
    table: Table | None = None
    chart: Chart | None = None


def as_text(sections: Sequence[Section]) -> str:
    """Return sections for a terminal."""
    return "\n".join(line for section in sections for line in _text_of(section))


def as_markdown(title: str, sections: Sequence[Section]) -> str:
    """Return sections as a page of Markdown."""
    lines = [f"# {_plain(title)}", ""]
    for section in sections:
        lines += [f"## {_plain(section.title)}", ""]
        lines += [f"- {_plain(line)}" for line in section.lines]
        if section.lines:
            lines.append("")
        if section.table is not None:
            lines += [*_markdown_of(section.table), ""]
    return "\n".join(lines)


def _text_of(section: Section) -> Iterator[str]:
    yield ""
    yield section.title
    yield from (f"  {line}" for line in section.lines)
    if section.table is not None:
        cells = [section.table.head, *section.table.rows]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        for row in cells:
            padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            yield f"  {'  '.join(padded)}".rstrip()


def _markdown_of(table: Table) -> Iterator[str]:
    yield _markdown_row(table.head)
    yield f"|{'---|' * len(table.head)}"
    yield from map(_markdown_row, table.rows)


def _markdown_row(cells: Sequence[str]) -> str:
    escaped = [_plain(cell).replace("|", r"\|") for cell in cells]
    return f"| {' | '.join(escaped)} |"


def _plain(text: str) -> str:
    """Text on one line, of which nothing is taken for a tag of HTML, a link or a picture."""
    return _ACTIVE.sub(r"\\\g<0>", " ".join(text.split()))
