"""`slipway card`: a version's card from its records, kept in the run of its training."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from html import escape
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from slipway.errors import RegistryUnavailable
from slipway.records import requests
from slipway.records.run_records import RunRecord, RunRef, need_record
from slipway.stages.card.card import HTML, MARKDOWN, card_files
from slipway.stages.card.keep_card import keep_card
from slipway.stages.model.manifest import open_sealed
from slipway.stages.model.version_tags import DIGEST
from slipway.stages.report.blocks import Section, Table, as_markdown
from slipway.stages.report.html_page import as_html
from slipway.stages.report.version_case import read_case, read_training
from tests.support import ferry_dataset
from tests.support.page_elements import PageElements
from tests.support.promotions import promoted
from tests.support.training_env import TrainingEnv, spec

MODEL = "ferry_delay"


@pytest.fixture
def env(tmp_path: Path) -> TrainingEnv:
    """A champion, version 1, and a challenger, version 2, compared with its error."""
    made = TrainingEnv.in_memory(tmp_path)
    made.land(ferry_dataset.crossings(days=60))
    made.champion()
    promoted(made.store, MODEL, 1)
    gate = {"threshold": 0.55, "compare": "not_worse", "margin": 0.2}
    made.spec = spec(
        gates={"min_holdout_rows": 100, "min_blocks": 5, "metrics": {"roc_auc": gate}},
        training={"holdout_days": 8, "min_rows": 500},
    )
    made.land(ferry_dataset.crossings(days=90, seed=2))
    request = made.ask("again")
    requests.decide(made.store, request, action="accept", reason="Within the budget.")
    made.until_gate(request)
    made.promote(request)
    return made


def record_of(env: TrainingEnv, number: int) -> RunRecord:
    """The registration of a request's version."""
    return need_record(env.store, RunRef(MODEL, f"request-{number:06d}", "promote_challenger"))


def card(env: TrainingEnv, number: int) -> str:
    """Card of a version as Markdown."""
    version = env.registry.version(MODEL, number)
    return card_files(read_case(env.store, version))[MARKDOWN].decode()


def test_a_card_has_what_the_records_say(env: TrainingEnv) -> None:
    """Data, features, estimator, gain with its bounds, verdict, lineage, who asked."""
    text = card(env, 2)
    numbers = env.registry.version(MODEL, 2).tags
    gated = record_of(env, 2).verdict.numbers
    evaluated = need_record(env.store, RunRef(MODEL, "request-000002", "evaluate")).verdict.numbers
    for line in (
        "# ferry_delay version 2",
        "| dataset | ferries |",
        "| labelled rows in neither part | 0 |",
        f"| holdout rows | {gated['rows']:,} |",
        "| wind | number | number |",
        "| estimator | sklearn.linear_model.LogisticRegression |",
        f"{evaluated['gain.roc_auc.lower']:+.6g} | {evaluated['gain.roc_auc.upper']:+.6g}",
        f"Bounds of the gain come from {evaluated['blocks']} resampled blocks",
        "- Verdict: promote.",
        "- Compared with: version 1.",
        f"| manifest, sha256 | {numbers[DIGEST]} |",
        "| git commit | c0ffee |",
        "| request | 2: Requested by a test: again. |",
        "| asked | ada (person) |",
        "| reason of that | Within the budget. |",
        "| approval by a person | not recorded |",
        "- Fairness between groups: not measured.",
        "- Performance on predictions in use: not measured when this card was made.",
        "## Confusion matrix",
    ):
        assert line in text, line


def test_a_card_shows_slices_groups_and_reliability(env: TrainingEnv) -> None:
    """From the numbers of the evaluation; none of them is listed a second time."""
    gate = {"threshold": 0.55, "compare": "not_worse", "margin": 0.2}
    asked = {
        "metrics": {"roc_auc": gate},
        "slices": {"columns": ["port"], "min_rows": 20},
        "fairness": {
            "columns": ["port"],
            "metrics": {"demographic_parity_difference": 0.9},
            "min_rows": 20,
        },
        "explanations": {"rows": 100},
    }
    env.spec = spec(
        gates={"min_holdout_rows": 100, "min_blocks": 5, **asked},
        training={"holdout_days": 8, "min_rows": 500},
    )
    request = env.ask("parts")
    env.until_gate(request)
    version = replace(env.registry.version(MODEL, 2), version=3, run_key=f"{MODEL}/{request.run}")
    text = card_files(read_training(env.store, version))[MARKDOWN].decode()
    for line in (
        "- Compared with the champion: 3 slices; worse than allowed: 0.",
        "## Fairness between groups",
        "| demographic_parity_difference | port | 0.",
        "| 0.9 | -0.",
        "- Shown to be beyond a limit: 0; worse than the champion: 0.",
        "## Explanations of predictions",
        "- SHAP values of 100 holdout rows, by raw column; way: linear.",
        "| wind | 9",
        "## Calibration of the scores",
        "| 0.3 to 0.4 | ",
    ):
        assert line in text, line
    assert "| fairness.table |" not in text
    assert "| explanations" not in text
    assert "Fairness between groups: not measured" not in text


def test_without_a_champion_the_gain_is_not_measured(env: TrainingEnv) -> None:
    """What was not measured is said so, never left out or guessed; later rollouts are told."""
    text = card(env, 1)
    assert "- Gain over a champion: not measured, since it was compared with none." in text
    assert "| accepted | not recorded |" in text
    assert "## Sanity" in text
    assert "| the best feature | wind |" in text
    assert "| holdout rows whose key stands among the training rows | 0 |" in text
    assert "## After the registration" in text
    assert "| promote_champion |" in text
    assert "## After the registration" not in card(env, 2)


def test_a_version_without_records_is_not_guessed(env: TrainingEnv, tmp_path: Path) -> None:
    """Tags and manifest are told; what only a record has is not recorded."""
    for entry in env.store.list(f"runs/{MODEL}"):
        env.store.delete(entry.key)
    manifest = open_sealed(env.registry.download(MODEL, 2, tmp_path / "v"))
    case = read_case(env.store, env.registry.version(MODEL, 2), manifest=manifest)
    text = card_files(case)[MARKDOWN].decode()
    assert "- Left out of the join: not recorded." in text
    assert "| labelled rows | not recorded |" in text
    assert f"| holdout rows | {manifest['holdout_rows']:,} |" in text
    assert "| roc_auc | 0." in text
    assert "- Run records: not recorded." in text
    assert "- Thresholds: not recorded." in text


def test_limits_of_a_random_holdout_are_told(env: TrainingEnv) -> None:
    """The warning of the training is in the card of each version that it concerns."""
    env.spec = spec(training={"split": "random", "holdout_share": 0.2, "min_rows": 500})
    request = env.ask("random")
    env.until_gate(request)
    version = replace(env.registry.version(MODEL, 2), version=3, run_key=f"{MODEL}/{request.run}")
    text = card_files(read_training(env.store, version))[MARKDOWN].decode()
    assert "- A random holdout cannot show how a model does on rows that are newer" in text
    assert "| split | random, share 0.2 of the keys |" in text


def test_the_card_is_kept_with_the_run_and_not_in_the_version(env: TrainingEnv) -> None:
    """A repeat after a kill writes the same bytes; a rollout in between changes none of them."""
    record = record_of(env, 2)
    files = env.tracking.runs[record.verdict.evidence["mlflow_run"]].files
    keep_card(record, store=env.store, registry=env.registry, tracking=env.tracking)
    first = dict(files)
    assert {MARKDOWN, HTML} <= first.keys()
    promoted(env.store, MODEL, 2)
    keep_card(record, store=env.store, registry=env.registry, tracking=env.tracking)
    assert files == first
    sha256 = env.registry.version(MODEL, 2).tags[DIGEST]
    uri = env.registry.version(MODEL, 2).source_uri
    folder = env.tracking.download(uri, env.tracking.root / "again", sha256=sha256)
    assert not list(folder.rglob("model_card*"))
    env.tracking.answers = False
    with pytest.raises(RegistryUnavailable):
        keep_card(record, store=env.store, registry=env.registry, tracking=env.tracking)


def test_a_refusal_and_a_version_that_is_gone_keep_no_card(env: TrainingEnv) -> None:
    """Neither stops the stage: its record stands."""
    record = record_of(env, 2)
    refused = replace(record, verdict=replace(record.verdict, action="refused"))
    files = env.tracking.runs[record.verdict.evidence["mlflow_run"]].files
    before = dict(files)
    keep_card(refused, store=env.store, registry=env.registry, tracking=env.tracking)
    env.registry.delete_version(MODEL, 2)  # type: ignore[attr-defined]
    keep_card(record, store=env.store, registry=env.registry, tracking=env.tracking)
    assert files == before


def test_the_page_stands_alone_and_escapes_everything(env: TrainingEnv) -> None:
    """No script, no address; a reason that a person wrote is text."""
    evil = '<script src="//x">&\'"|</td>\nsecond line'
    page = as_html(evil, [Section(evil, [evil], Table([evil], [[evil]]))])
    seen = PageElements(page)
    assert not set(seen.names) & {"script", "img", "link", "iframe", "a"}
    assert not seen.attributes & {"src", "href", "onerror"}
    text = as_markdown("t", [Section("s", [evil], Table(["h"], [[evil]]))])
    assert "\\<script" in text
    assert "second line" in text.splitlines()[4]
    version = env.registry.version(MODEL, 2)
    case = read_case(env.store, version)
    told = replace(case, request=replace(case.request, reason=evil))  # type: ignore[type-var]
    assert "script" not in PageElements(card_files(told)[HTML].decode()).names


@pytest.mark.parametrize("text", ["\\<b>", "![x](//y)", "[x](//y)", "[x][y]", "[y]: //z"])
def test_markdown_of_a_report_has_no_tag_link_or_picture(text: str) -> None:
    """Whatever a column, a category or a reason is called; the text is shown as it is."""
    section = Section(text, [text, "[y]: //z"], Table([text], [[text]]))
    page = MarkdownIt("commonmark").enable("table").render(as_markdown(text, [section]))
    assert not set(PageElements(page).names) & {"b", "a", "img"}
    assert page.count(escape(text)) == (5 if text != "[y]: //z" else 6)


def test_the_card_costs_no_library() -> None:
    """It is made in the task that registers, which imports no pandas."""
    code = "import sys, slipway.stages.card.keep_card; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"pandas", "numpy", "mlflow", "sklearn"}.isdisjoint(done.stdout.split())


def test_a_card_has_what_a_search_found(tmp_path: Path) -> None:
    """The estimator that was fitted, and why; with or without the manifest."""
    env = TrainingEnv.in_memory(tmp_path)
    env.spec = spec(
        estimator={"name": "sklearn.linear_model.LogisticRegression", "params": {"C": 1e-6}},
        search={
            "space": {"C": {"low": 0.1, "high": 10.0}},
            "trials": 3,
            "folds": 2,
            "metric": "log_loss",
        },
    )
    env.land(ferry_dataset.crossings(days=60))
    env.champion()
    verdict = need_record(env.store, RunRef(MODEL, "request-000001", "train")).verdict
    found = verdict.numbers["estimator.C"]
    text = card(env, 1)
    assert f"| parameter C | {found} |" in text
    assert f"| search | {verdict.numbers['search']} |" in text
    case = read_case(env.store, env.registry.version(MODEL, 1))
    manifest = {
        "estimator": {"name": "sklearn.linear_model.LogisticRegression", "params": {"C": found}},
        "search": {"reason": "tuned: as the manifest has it"},
    }
    without = card_files(replace(case, records={}, specs=None, manifest=manifest))
    assert f"| parameter C | {found} |" in without[MARKDOWN].decode()
    assert "| search | tuned: as the manifest has it |" in without[MARKDOWN].decode()


def test_the_card_of_a_refit_says_that_its_figures_are_the_recipes(tmp_path: Path) -> None:
    """Until when each of the two learnt, how far they agree, and rows of both."""
    env = TrainingEnv.in_memory(tmp_path)
    env.spec = spec(training={"holdout_days": 10, "min_rows": 500, "ship": "refit"})
    env.land(ferry_dataset.crossings(days=60))
    env.champion()
    text = card(env, 1)
    summary = text.partition("## Data")[0]
    assert (
        "The figures are the recipe's, not this version's: they were measured on a model that "
        "learnt until 2013-02-19" in summary
    )
    assert "its refit, which learnt from all 2,400 labelled rows until 2013-03-01" in summary
    assert "Agreement with the judged model on its 401 holdout rows" in summary
    assert "rank correlation 0.99" in summary
    assert "| training rows | 2,400 |" in text
    assert "| training rows of the judged model | 1,999 |" in text
    assert "| holdout rows | 401 |" in text
    assert "| labelled rows in neither part | 0 |" in text
    assert "| metric | judged model | no champion | constant |" in text
    assert "| refit | request-000001 | refitted |" in text
    evidence = record_of(env, 1).verdict.evidence
    keep_card(record_of(env, 1), store=env.store, registry=env.registry, tracking=env.tracking)
    assert MARKDOWN in env.tracking.runs[evidence["mlflow_run"]].files
    other = TrainingEnv.in_memory(tmp_path / "judged")
    other.land(ferry_dataset.crossings(days=60))
    other.champion()
    assert "recipe" not in card(other, 1)
