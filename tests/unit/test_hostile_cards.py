"""A model card with a script, a link and a table's pipe in every text that is not Slipway's own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from slipway.records.verdicts import Verdict
from slipway.stages.card.card import HTML, MARKDOWN, card_files
from slipway.stages.report.blocks import Section, Table, as_markdown
from slipway.stages.report.version_case import VersionCase, read_case
from tests.support import ferry_dataset
from tests.support.page_elements import PageElements
from tests.support.training_env import TrainingEnv

MODEL = "ferry_delay"
EVIL = (
    '</td></table><script>fetch("//x")</script><img src=x onerror=alert(1)>|a|b'
    "[c](https://evil.example)![d](https://evil.example/e) <https://evil.example> "
    "https://evil.example/f WWW.evil.example `g|h` \\| \\<script>\n\n# i\n| j | k |"
)
ACTIVE = {"script", "img", "a", "iframe", "object", "form"}


def rendered(markdown: str) -> PageElements:
    """A page of Markdown, as a forge renders it, with HTML and links as they stand."""
    return PageElements(MarkdownIt("gfm-like", {"html": True, "linkify": True}).render(markdown))


@pytest.fixture
def case(tmp_path: Path) -> VersionCase:
    """Records of a first version."""
    made = TrainingEnv.in_memory(tmp_path)
    made.land(ferry_dataset.crossings(days=60))
    made.champion()
    return read_case(made.store, made.registry.version(MODEL, 1))


def hostile(case: VersionCase) -> VersionCase:
    """The same with such a text as description, reason, category, column and tag."""
    specs, gate = case.specs, case.records["gate"]
    assert specs is not None
    assert case.request is not None
    numbers = {
        **gate.verdict.numbers,
        f"challenger.roc_auc[{EVIL}]": 0.7,
        "slices.worst": EVIL,
        "slices.column": EVIL,
    }
    judged = Verdict(gate.verdict.action, EVIL, numbers, gate.verdict.evidence)
    return replace(
        case,
        request=replace(case.request, reason=EVIL),
        records={**case.records, "gate": replace(gate, verdict=judged)},
        specs=replace(
            specs,
            model=specs.model.model_copy(update={"description": EVIL, "owner": EVIL}),
            dataset=specs.dataset.model_copy(update={"dataset": EVIL}),
        ),
        version=replace(
            case.version, tags=dict.fromkeys((*case.version.tags, "slipway.gate"), EVIL)
        ),
        manifest={**case.manifest, "features": [{"name": EVIL, "kind": EVIL, "required": True}]},
    )


def test_no_text_of_a_card_is_more_than_text(case: VersionCase) -> None:
    """The page and the Markdown have the elements that they have with harmless texts, and rows."""
    files = {name: data.decode() for name, data in card_files(hostile(case)).items()}
    assert "evil.example" in files[MARKDOWN]
    assert "evil.example" in files[HTML]
    for page in (PageElements(files[HTML]), rendered(files[MARKDOWN])):
        assert not ACTIVE & set(page.names)
        assert not {"src", "href", "onerror"} & page.attributes
    assert rendered(files[MARKDOWN]).names.count("h1") == 1


def test_a_pipe_makes_no_cell_and_a_line_no_row() -> None:
    """A table has the rows and cells that it was given."""
    page = as_markdown(
        EVIL, [Section(EVIL, [EVIL], Table([EVIL, "b"], [[EVIL, "1"], ["2", EVIL]]))]
    )
    found = rendered(page)
    assert (found.names.count("tr"), found.names.count("td"), found.names.count("th")) == (3, 4, 2)
    assert not ACTIVE & set(found.names)
