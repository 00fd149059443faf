"""Pages that Slipway writes, in Chromium: they draw, and run no script that is not theirs."""

from __future__ import annotations

from pathlib import Path

import pytest

from slipway.adapters.drift_report import DriftReports
from slipway.stages.monitor.reference.columns import Columns
from slipway.stages.report.blocks import Section, Table
from slipway.stages.report.html_page import as_html, as_part
from tests.contract.test_drift_report import sample
from tests.support.browser import PLANT, PLANTED, dom_of, listening

EVIL = (
    f"</script><script>{PLANT}</script>",
    f"<img src=x onerror={PLANT}>",
    f"<a href='javascript:{PLANT}'>x</a>",
)


def planted(address: str) -> str:
    """Elements that act wherever a page takes them for its own."""
    return (
        f"<script>{PLANT}</script><img src='{address}/img' onerror=\"{PLANT}\">"
        f"<iframe src='{address}/frame'></iframe><link rel=stylesheet href='{address}/css'>"
        f"<script src='{address}/js'></script><svg onload=\"{PLANT}\"></svg>"
    )


def drift_page(lead: str) -> bytes:
    """Evidently's page of columns and categories that are called like tags."""
    before, after = (sample(300, seed=seed).rename(columns={"wind": EVIL[0]}) for seed in (1, 2))
    before["port"], after["port"] = [EVIL[1], EVIL[2]] * 150, EVIL[0]
    columns = Columns((EVIL[0], "score"), ("port",), "jensenshannon", "jensenshannon")
    return DriftReports().html(before, after, columns=columns, names=columns.names, lead=lead)


def test_a_drift_page_draws_and_runs_its_own_scripts_alone(tmp_path: Path) -> None:
    """Names and categories are texts of its plots; a tag in the lead that escapes is dead."""
    lead = as_part(EVIL[0], [Section(EVIL[1], EVIL, Table(EVIL[:1], [EVIL[:1]]))])
    with listening() as (address, asked):
        seen = dom_of(drift_page(lead + planted(address)), tmp_path)
    assert seen.count("main-svg") > 2
    assert (PLANTED in seen, asked) == (False, [])
    assert "\uff1c/script&gt;" in seen[seen.index('id="root_metric_') :]


@pytest.mark.parametrize("where", ["body", "head"])
def test_a_card_runs_no_script_and_reaches_no_network(tmp_path: Path, where: str) -> None:
    """Not even one that stands in the page unescaped, below its policy."""
    page = as_html(EVIL[0], [Section(one, [one], Table([one], [[one]])) for one in EVIL])
    with listening() as (address, asked):
        hit = page.replace(f"</{where}>", f"{planted(address)}</{where}>")
        seen = dom_of(hit.encode(), tmp_path)
    assert seen.count("<h2>") == len(EVIL)
    assert (PLANTED in seen, asked) == (False, [])
