"""Write sections as one self-contained page of HTML: no script, no address, every text escaped."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Sequence
from html import escape

from slipway.stages.report.blocks import Section, Table
from slipway.stages.report.charts import Chart, Draw
from slipway.stages.report.content_policy import content_policy

_STYLE = (
    ".slipway{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;"
    "color:#1b1f24}.slipway table{border-collapse:collapse;display:block;margin:.5rem 0;"
    "overflow-x:auto}"
    ".slipway td,.slipway th{border:1px solid #d0d7de;"
    "padding:.25rem .6rem;text-align:left;vertical-align:top;overflow-wrap:break-word}"
    ".slipway th{background:#f6f8fa}.slipway img{display:block;max-width:100%}"
    ".slipway h2{border-bottom:1px solid #d0d7de;margin-top:2rem}"
)


def as_html(title: str, sections: Sequence[Section], draw: Draw | None = None) -> str:
    """Return sections as a page of HTML.

    Args:
        title: Title of the page.
        sections: Its sections.
        draw: Draws their charts, which the page holds; None: they are left out.
    """
    lines = [
        '<!doctype html>\n<html lang="en">',
        f'<head><meta charset="utf-8">{content_policy(styles=[_STYLE])}',
        f"<title>{escape(title)}</title>",
        f"<style>{_STYLE}</style></head>",
        f'<body class="slipway"><h1>{escape(title)}</h1>',
    ]
    return "\n".join([*lines, *_sections(sections, draw), "</body></html>", ""])


def as_part(title: str, sections: Sequence[Section]) -> str:
    """Return sections as a part of another tool's page of HTML, with a style of their own.

    Args:
        title: Title above them.
        sections: The sections.
    """
    lines = [f'<style>{_STYLE}</style>\n<div class="slipway"><h1>{escape(title)}</h1>']
    return "\n".join([*lines, *_sections(sections), "</div>", ""])


def _sections(sections: Sequence[Section], draw: Draw | None = None) -> Iterator[str]:
    for section in sections:
        yield f"<h2>{escape(section.title)}</h2>"
        if section.lines:
            yield "<ul>"
            yield from (f"<li>{escape(line)}</li>" for line in section.lines)
            yield "</ul>"
        if section.chart is not None and draw is not None:
            yield _picture(section.chart, draw)
        if section.table is not None:
            yield from _table(section.table)


def _picture(chart: Chart, draw: Draw) -> str:
    data = b64encode(draw(chart)).decode()
    return f'<img alt="{escape(chart.alt)}" src="data:image/svg+xml;base64,{data}">'


def _table(table: Table) -> Iterator[str]:
    yield "<table>"
    yield f"<tr>{''.join(f'<th>{escape(cell)}</th>' for cell in table.head)}</tr>"
    for row in table.rows:
        yield f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>"
    yield "</table>"
