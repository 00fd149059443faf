"""`slipway try`: the ring up to the gates in one process, with its report."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from slipway.stages.model.reliability import reliability
from slipway.stages.report.blocks import Section, Table, as_markdown, as_text
from tests.e2e import ferry_project
from tests.support.command_line import Make, slipway

MODEL = ferry_project.MODEL.replace(
    "{threshold: 0.6, compare: point, min_absolute_change: 0.0}", "{threshold: T}"
)


@pytest.fixture
def ferries(
    project: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], Path]:
    """A project with a threshold, an empty store, and three days of crossings."""

    def make(threshold: str) -> Path:
        root = project(
            {
                "datasets/ferries/dataset.yaml": ferry_project.DATASET,
                "datasets/ferries/expectations.yaml": ferry_project.EXPECTATIONS,
                "models/ferry_delay/model.yaml": MODEL.replace("T", threshold),
            }
        )
        monkeypatch.setenv("SLIPWAY_PROJECT", str(root))
        monkeypatch.setenv("SLIPWAY_STORE", str(tmp_path / "store"))
        return root

    return make


def files(folder: Path) -> list[str]:
    """Three days of features, of which two rows are bad, and their labels."""
    days = pd.concat([ferry_project.day(number) for number in range(3)])
    days.iloc[:2, days.columns.get_loc("wind_knots")] = -1.0
    folder.mkdir(exist_ok=True)
    days.drop(columns="late").to_csv(folder / "days.csv", index=False)
    days[["crossing", "late"]].to_csv(folder / "answers.csv", index=False)
    return [str(folder / "days.csv"), str(folder / "answers.csv")]


def test_a_good_model_would_be_promoted(ferries: Callable[[str], Path], tmp_path: Path) -> None:
    """With 0; the report has verdicts, metrics, reliability, columns and bad rows."""
    root = ferries("0.6")
    result = slipway("try", "ferry_delay", *files(tmp_path / "files"))
    assert result.exit_code == 0, result.output
    assert "A challenger would be promoted. Every gate holds: roc_auc 0." in result.output
    report = (root / ".slipway/try/ferry_delay/report.md").read_text()
    for title in ("Verdict", "Metrics on 401 rows", "Reliability", "Confusion", "Columns"):
        assert f"## {title}" in report
    assert "| roc_auc | 0." in report
    assert "| ≥ 0.6 | a gate |" in report
    assert "| 2 | wind_knots | fails expect_column_values_to_be_between (at least 0" in report
    columns = report.partition("## Columns")[2]
    assert columns.index("| wind_knots |") < columns.index("| cars |")
    assert not (tmp_path / "store").exists()


def test_decision_and_slices_are_told(ferries: Callable[[str], Path], tmp_path: Path) -> None:
    """The threshold with its costs, what goes by it, the worst slice, and limits."""
    root = ferries("0.6")
    file = root / "include/models/ferry_delay/model.yaml"
    corrected = "calibration: {method: sigmoid, share: 0.3, min_rows: 50}"
    costs = "decision: {false_positive: 1, false_negative: 4}"
    gates = "\ngates:\n  slices: {columns: [pier], min_rows: 20}\n  robustness: {noise: 0.1, "
    text = file.read_text().replace(
        "training: {window_days: 1, holdout_days: 1, min_rows: 200}",
        f"training: {{split: random, min_rows: 200, {corrected}, {costs}}}",
    )
    text = text.replace("\ngates:\n", f"{gates}max_drop: 0.2}}\n")
    file.write_text(text)
    slipway("try", "ferry_delay", *files(tmp_path / "files"))
    report = (root / ".slipway/try/ferry_delay/report.md").read_text()
    decision = report.partition("## Decision")[2]
    assert decision.strip().startswith("- Class 1 is predicted above the score 0.")
    assert "A false positive costs 1, a false negative 4; the table is of the holdout." in decision
    assert "| accuracy | 0." in report
    assert "| class 1 above 0." in report
    assert "| worst figure | pier = " in report
    assert "| noise on numbers: the first metric then | 0." in report
    assert "(max_drop 0.2) |" in report
    assert "in the MLflow run" not in report


def test_a_refit_is_tried_too(ferries: Callable[[str], Path], tmp_path: Path) -> None:
    """Between gate and promotion; the report tells until when both models learnt."""
    root = ferries("0.6")
    file = root / "include/models/ferry_delay/model.yaml"
    text = file.read_text()
    assert "\ntraining: {" in text
    file.write_text(text.replace("\ntraining: {", "\ntraining: {ship: refit, "))
    result = slipway("try", "ferry_delay", *files(tmp_path / "files"))
    assert result.exit_code == 0, result.output
    assert "A challenger would be promoted." in result.output
    report = (root / ".slipway/try/ferry_delay/report.md").read_text()
    assert "| refit | refitted |" in report
    assert "On the 401 holdout rows, which the refit has seen: roc_auc 0." in report


def test_a_column_may_have_any_name(ferries: Callable[[str], Path], tmp_path: Path) -> None:
    """That of an argument of the library's functions too, as in loans: who works for himself."""
    root = ferries("0.6")
    for file in (root / "include").rglob("*.yaml"):
        file.write_text(file.read_text().replace("cars", "self"))
    named = files(tmp_path / "files")
    for name in named:
        pd.read_csv(name).rename(columns={"cars": "self"}).to_csv(name, index=False)
    result = slipway("try", "ferry_delay", *named)
    assert result.exit_code == 0, result.output
    assert "self" in result.output.partition("Columns")[2]


def test_a_model_below_its_threshold_is_refused(
    ferries: Callable[[str], Path], tmp_path: Path
) -> None:
    """With 1, and the reason; what was kept is a whole installation."""
    ferries("0.99")
    kept = tmp_path / "kept"
    words = ("try", "ferry_delay", *files(tmp_path / "files"), "--keep", str(kept))
    result = slipway(*words)
    assert result.exit_code == 1
    assert "Refused. A gate does not hold: roc_auc" in result.output
    assert "is below the threshold 0.99" in (kept / "report.md").read_text()
    assert (kept / "store/tables/ferries/features").is_dir()
    assert len(list((kept / "experiments/runs").glob("*.json"))) == 1
    again = slipway(*words)
    assert again.exit_code == 1
    assert "the folder is not empty" in again.output


def test_without_a_file_it_takes_what_has_landed_and_then_the_sample(
    ferries: Callable[[str], Path], tmp_path: Path
) -> None:
    """The project's store is read, and nothing is written to it."""
    root = ferries("0.6")
    nothing = slipway("try", "ferry_delay")
    assert nothing.exit_code == 1
    assert "there are no rows of ferries to try" in nothing.output
    files(root / "include/datasets/ferries/sample")
    assert slipway("try", "ferry_delay").exit_code == 0
    for file in files(tmp_path / "files"):
        slipway("deliver", file)
    before = sorted((tmp_path / "store").rglob("*"))
    assert "Refused" not in slipway("try", "ferry_delay").output
    assert sorted((tmp_path / "store").rglob("*")) == before


def test_an_error_ends_it_with_what_was_found_so_far(
    ferries: Callable[[str], Path], tmp_path: Path
) -> None:
    """Too few labels are a refusal, labels of one class an error; both have a report."""
    root = ferries("0.6")
    days, labels = files(tmp_path / "files")
    few = pd.read_csv(labels).head(10)
    few.to_csv(labels, index=False)
    refused = slipway("try", "ferry_delay", days, labels)
    assert (refused.exit_code, "There are 10 labels; training needs 700" in refused.output) == (
        1,
        True,
    )
    _, labels = files(tmp_path / "files")
    pd.read_csv(labels).assign(late=1).to_csv(labels, index=False)
    failed = slipway("try", "ferry_delay", days, labels)
    assert failed.exit_code == 1
    assert "It could not be tried to its end" in failed.output
    assert "late" in str(failed.output).partition("Error:")[2]
    assert (root / ".slipway/try/ferry_delay/report.md").exists()


def test_a_blocked_delivery_is_the_reason_of_a_refusal(
    ferries: Callable[[str], Path], tmp_path: Path
) -> None:
    """It is said last, beside that there are too few labels."""
    ferries("0.6")
    days, labels = files(tmp_path / "files")
    pd.read_csv(labels).assign(late=2).to_csv(labels, index=False)
    last = slipway("try", "ferry_delay", days, labels).output.strip().splitlines()[-2:]
    assert last[0].startswith("Refused. ")
    assert "The delivery labels answers was blocked: " in last[0]


@pytest.mark.parametrize(
    ("task", "metric", "title"),
    [("multiclass", "accuracy", "Confusion matrix"), ("regression", "r2_score", "Residuals")],
)
def test_other_tasks_have_their_own_tables(
    ferries: Callable[[str], Path], tmp_path: Path, task: str, metric: str, title: str
) -> None:
    """A confusion matrix of several classes, and residuals of a quantity."""
    root = ferries("0.1")
    file = root / "include/models/ferry_delay/model.yaml"
    text = file.read_text().replace("task: classification", f"task: {task}")
    text = text.replace("roc_auc", metric)
    if task == "regression":
        text = text.replace("LogisticRegression, params: {max_iter: 200}", "Ridge, params: {}")
    file.write_text(text)
    if task == "regression":
        dataset = root / "include/datasets/ferries/dataset.yaml"
        quantity = dataset.read_text().replace("late: {type: integer", "late: {type: number")
        dataset.write_text(quantity)
    (root / "include/datasets/ferries/expectations.yaml").unlink()
    days, labels = files(tmp_path / "files")
    wind = pd.read_csv(days)["wind_knots"]
    wind += np.random.default_rng(2).normal(0, 4, len(wind))
    late = (wind // 10).clip(0, 2).astype(int) if task == "multiclass" else wind / 3 + 1
    pd.read_csv(labels).assign(late=late).to_csv(labels, index=False)
    result = slipway("try", "ferry_delay", days, labels)
    assert result.exit_code == 0, result.output
    assert title in result.output
    assert "holdout rows whose key stands among the training rows" in result.output


def test_a_threshold_that_a_constant_passes_is_warned_of(
    ferries: Callable[[str], Path], tmp_path: Path
) -> None:
    """With both figures, in the report and as the last word."""
    root = ferries("0.5")
    result = slipway("try", "ferry_delay", *files(tmp_path / "files"))
    warning = (
        "Warning: the threshold 0.5 of roc_auc is not above 0.5000, which a constant reaches on "
        "these rows, so a model that learnt nothing passes it: set it above that in model.yaml."
    )
    assert result.exit_code == 0, result.output
    assert warning in result.output.strip().splitlines()[-2]
    assert warning in (root / ".slipway/try/ferry_delay/report.md").read_text()


def test_metrics_by_which_a_constant_is_better_are_marked(
    ferries: Callable[[str], Path], tmp_path: Path
) -> None:
    """A gate by the order of the scores holds, and their size is worse than a constant's."""
    root = ferries("0.5")
    file = root / "include/models/ferry_delay/model.yaml"
    weighed = file.read_text().replace("min_rows: 200}", "min_rows: 200, class_weights: {1: 99}}")
    file.write_text(weighed)
    result = slipway("try", "ferry_delay", *files(tmp_path / "files"))
    assert result.exit_code == 0, result.output
    report = (root / ".slipway/try/ferry_delay/report.md").read_text()
    assert "the model is worse than a constant." in report
    (marked,) = (line for line in report.splitlines() if line.startswith("| log_loss |"))
    assert marked.endswith("| worse than a constant |")
    (gate,) = (line for line in report.splitlines() if line.startswith("| roc_auc |"))
    assert gate.endswith("| a gate |")


def test_reliability_counts_rows_by_score() -> None:
    """Of two classes by the score of class 1, of several by the likeliest class."""
    two = reliability(np.array([0, 1, 1]), np.array([0.05, 0.95, 1.0]))
    assert [(one.low, one.rows, one.share) for one in two] == [(0.0, 1, 0.0), (0.9, 2, 1.0)]
    scores = np.array([[0.7, 0.2, 0.1], [0.2, 0.1, 0.7]])
    (many,) = reliability(np.array([0, 1]), scores)
    assert (many.low, many.rows, many.share) == (0.7, 2, 0.5)


def test_a_report_is_the_same_as_text_and_as_markdown() -> None:
    """Cells are aligned for a terminal, and escaped for Markdown."""
    sections = [Section("One", ["a line"], Table(("name", "x"), [("a|b", "1"), ("c", "22")]))]
    assert as_text(sections) == "\nOne\n  a line\n  name  x\n  a|b   1\n  c     22"
    assert as_markdown("T", sections).splitlines() == [
        *("# T", "", "## One", "", "- a line", ""),
        *("| name | x |", "|---|---|", r"| a\|b | 1 |", "| c | 22 |"),
    ]


SEARCH = """\
search:
  space: {C: {low: 0.01, high: 10, log: true}}
  trials: 3
  folds: 2
"""


@pytest.mark.parametrize("auto", [False, True])
def test_a_search_is_tried_with_its_progress(
    ferries: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    auto: bool,
) -> None:
    """How many trials, the best so far, and the time left; the report has what was found."""
    monkeypatch.setattr("slipway.local.progress.LINE_SECONDS", 0.0)
    root = ferries("0.6")
    file = root / "include/models/ferry_delay/model.yaml"
    text = file.read_text()
    if auto:
        estimator = re.compile(r"^estimator:.*?(?=^\w)", re.MULTILINE | re.DOTALL)
        text = estimator.sub("estimator: {name: auto}\n", text) + "search: {folds: 2}\n"
    else:
        text += SEARCH
    file.write_text(text)
    result = slipway("try", "ferry_delay", *files(tmp_path / "files"))
    assert result.exit_code == 0, result.output
    most = 5 if auto else 4
    assert f"search: {most} of {most} trials, best roc_auc 0." in result.output
    assert ("of 30 min spent\n" if auto else "spent, about 0 s left") in result.output
    report = (root / ".slipway/try/ferry_delay/report.md").read_text()
    assert ("auto: " if auto else "tuned: ") in report
