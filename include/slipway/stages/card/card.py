"""Make the model card of a version from its records; nothing in it is guessed."""

from __future__ import annotations

from collections.abc import Iterator

from slipway.stages.card.data import data_sections
from slipway.stages.card.limits import limit_sections
from slipway.stages.card.lineage import lineage_sections
from slipway.stages.card.metrics import metric_sections
from slipway.stages.card.model import model_sections
from slipway.stages.card.refit import refit_lines
from slipway.stages.card.words import recorded
from slipway.stages.report.blocks import Section, as_markdown
from slipway.stages.report.charts import Chart, Draw
from slipway.stages.report.html_page import as_html
from slipway.stages.report.version_case import VersionCase

MARKDOWN, HTML = "model_card.md", "model_card.html"
"""Names of the card's files in the MLflow run."""


def card_files(case: VersionCase, draw: Draw | None = None) -> dict[str, bytes]:
    """Return the card of a version as Markdown and as HTML; the same records give equal bytes.

    Args:
        case: Records of the version.
        draw: Draws the charts of the page; None: it has none.
    """
    title, sections = card_title(case), list(card_sections(case))
    return {
        MARKDOWN: as_markdown(title, sections).encode(),
        HTML: as_html(title, sections, draw).encode(),
    }


def card_charts(case: VersionCase) -> list[Chart]:
    """Return the charts of a card, each with a name of its own."""
    return [one.chart for one in card_sections(case) if one.chart is not None]


def card_title(case: VersionCase) -> str:
    """Return the title of a card."""
    return f"{case.version.model} version {case.version.version}"


def card_sections(case: VersionCase) -> Iterator[Section]:
    """Yield the sections of a card, the verdict first."""
    yield _summary(case)
    yield from data_sections(case)
    yield from model_sections(case)
    yield from metric_sections(case)
    yield from limit_sections(case)
    yield from lineage_sections(case)


def _summary(case: VersionCase) -> Section:
    verdict = case.verdict("bring" if "bring" in case.records else "gate")
    lines = [f"{recorded(verdict.action)}: {recorded(verdict.reason)}", *refit_lines(case)]
    if case.specs is not None:
        model = case.specs.model
        lines.append(f"Purpose: {recorded(model.description)}; owner: {model.owner}.")
    lines.append(
        "Every line is from records: run records, tags, manifest and ledger. What they do not have "
        "is said to be not measured or not recorded."
    )
    return Section("Summary", lines)
