"""Pictures of a model card: drawn from records alone, the same bytes each time."""

from __future__ import annotations

import re
from base64 import b64decode

import pytest

from slipway.adapters.pictures import draw
from slipway.stages.card.charts import explanation_chart, reliability_chart
from slipway.stages.model.reliability import ReliabilityBin
from slipway.stages.report.blocks import Section, as_markdown
from slipway.stages.report.charts import Chart
from slipway.stages.report.html_page import as_html

BINS = [ReliabilityBin(0.1, 0.2, 700, 0.15, 0.12), ReliabilityBin(0.6, 0.7, 300, 0.66, 0.5)]
EVIL = "<b>$x$ & a very long name of a column that goes on and on"
TABLE = [[EVIL, 0.7, 0.2], ["port", 0.3, 0.8]]


@pytest.fixture(params=["reliability", "explanations"])
def chart(request: pytest.FixtureRequest) -> Chart:
    """A chart of either kind."""
    of = {"reliability": reliability_chart(BINS), "explanations": explanation_chart(TABLE)}
    found = of[request.param]
    assert found is not None
    return found


def test_a_chart_is_small_svg_whose_bytes_depend_on_it_alone(chart: Chart) -> None:
    """No date, no script, and names of elements that are the same each time."""
    picture = draw(chart)
    assert picture == draw(chart)
    assert len(picture) < 40_000
    text = picture.decode()
    assert text.rstrip().endswith("</svg>")
    assert "<script" not in text
    assert not re.search(r"<dc:date>|20\d\d-\d\d-\d\d", text)
    assert "<b>" not in text


def test_a_page_holds_its_pictures_with_their_descriptions(chart: Chart) -> None:
    """As data, without an address; Markdown has the table alone."""
    section = Section("Calibration", (), chart=chart)
    page = as_html("t", [section], draw)
    found = re.search(r'<img alt="([^"]+)" src="data:image/svg\+xml;base64,([^"]+)">', page)
    assert found is not None
    assert b64decode(found[2]) == draw(chart)
    assert "&lt;b&gt;" in found[1] or "furthest from the diagonal at 0.660" in found[1]
    assert "<img" not in as_html("t", [section])
    assert "svg" not in as_markdown("t", [section])


def test_nothing_is_drawn_of_nothing() -> None:
    """A champion that was not explained has no bars."""
    assert reliability_chart([]) is None
    assert explanation_chart([]) is None
    alone = explanation_chart([["wind", 0.9, None], ["port", 0.1, None]])
    assert alone is not None
    assert "wind has the largest, 90.0%" in alone.alt
    assert b"champion" not in draw(alone)
