"""Write sections as one self-contained page of HTML: no script, no address, every text escaped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from slipway.stages.report.blocks import Section, Table

_STYLE = (
    ".slipway{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;"
    "color:#1b1f24}.slipway table{border-collapse:collapse;margin:.5rem 0}"
    ".slipway td,.slipway th{border:1px solid #d0d7de;"
    "padding:.25rem .6rem;text-align:left;vertical-align:top;overflow-wrap:anywhere}"
    ".slipway th{background:#f6f8fa}"
    ".slipway h2{border-bottom:1px solid #d0d7de;margin-top:2rem}"
)


def as_html(title: str, sections: Sequence[Section]) -> str:
    """Return sections as a page of HTML.

    Args:
        title: Title of the page.
        sections: Its sections.
    """
    lines = [
        '<!doctype html>\n<html lang="en">',
        f'<head><meta charset="utf-8"><title>{escape(title)}</title>',
        f"<style>{_STYLE}</style></head>",
        f'<body class="slipway"><h1>{escape(title)}</h1>',
    ]
    return "\n".join([*lines, *_sections(sections), "</body></html>", ""])


def as_part(title: str, sections: Sequence[Section]) -> str:
    """Return sections as a part of another tool's page of HTML, with a style of their own.

    Args:
        title: Title above them.
        sections: The sections.
    """
    lines = [f'<style>{_STYLE}</style>\n<div class="slipway"><h1>{escape(title)}</h1>']
    return "\n".join([*lines, *_sections(sections), "</div>", ""])


def _sections(sections: Sequence[Section]) -> Iterator[str]:
    for section in sections:
        yield f"<h2>{escape(section.title)}</h2>"
        if section.lines:
            yield "<ul>"
            yield from (f"<li>{escape(line)}</li>" for line in section.lines)
            yield "</ul>"
        if section.table is not None:
            yield from _table(section.table)


def _table(table: Table) -> Iterator[str]:
    yield "<table>"
    yield f"<tr>{''.join(f'<th>{escape(cell)}</th>' for cell in table.head)}</tr>"
    for row in table.rows:
        yield f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>"
    yield "</table>"
