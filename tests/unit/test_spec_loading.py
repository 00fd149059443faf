"""Loading of specs: broken ones of every kind, and their effect on the others."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from slipway.errors import Permanent, SpecError
from slipway.spec.loading import Loaded, load_all, load_dataset, load_model, raise_problems
from slipway.spec.problems import SpecErrors
from tests.support.broken_specs import BROKEN
from tests.support.small_specs import DATASET, EXPECTATIONS, FILES, MODEL
from tests.support.spec_edits import (
    DATASET_FILE,
    MODEL_FILE,
    broken_dataset,
    broken_model,
    edited,
    more,
)

Make = Callable[[Mapping[str, str]], Path]


def load(make: Make, changed: Mapping[str, str]) -> Loaded:
    """The project of `FILES` with some files replaced."""
    return load_all(make({**FILES, **changed}))


@pytest.mark.parametrize(("changed", "message"), BROKEN.values(), ids=BROKEN.keys())
def test_broken_spec_is_one_problem_with_file_line_and_field(
    project: Make, changed: Mapping[str, str], message: str
) -> None:
    """One mistake is one problem, with its place and the nearest name."""
    loaded = load(project, changed)
    messages = [str(problem) for problem in loaded.problems]
    assert [one for one in messages if re.match(f"(include/.*: )?{message}", one)] == messages
    assert len(messages) == 1


def test_good_specs_have_no_problem(project: Make) -> None:
    """Valid specs load with their expectations."""
    loaded = load(project, {})
    assert loaded.problems == ()
    assert list(loaded.models) == ["sales"]
    expectations = loaded.datasets["shop"].expectations
    assert [one.severity for one in expectations["labels"]] == ["warning"]
    raise_problems(loaded)


def test_fire_points_at_k(project: Make) -> None:
    """A rule between two fields names one of them."""
    text = edited(MODEL, "monitoring:\n", "monitoring:\n  fire:\n    k: 4\n    n: 3\n")
    (problem,) = load(project, {"models/sales/model.yaml": text}).problems
    assert (problem.line, problem.field) == (15, "monitoring.fire.k")


def test_every_problem_is_found_at_once(project: Make) -> None:
    """Three mistakes in three places are three problems, in reading order."""
    changed = more("widnow: 1\n") | broken_dataset("key: id", "ky: id")
    changed["models/sales/model.yaml"] += "retraining: {mode: autoo}\n"
    problems = load(project, changed).problems
    assert [(one.file, one.line) for one in problems] == [
        (DATASET_FILE, 2),
        (MODEL_FILE, 15),
        (MODEL_FILE, 16),
    ]


def test_broken_folder_hides_no_other(project: Make) -> None:
    """Beside a broken dataset and a broken model, the valid ones load."""
    loaded = load(
        project, {"models/broken/model.yaml": "model: [", "datasets/broken/dataset.yaml": "\t"}
    )
    assert (list(loaded.datasets), list(loaded.models)) == (["shop"], ["sales"])
    assert {one.file.split("/")[2] for one in loaded.problems} == {"broken"}


def test_model_outlives_its_broken_dataset(project: Make) -> None:
    """The model loads, and only the dataset has a problem."""
    loaded = load(project, broken_dataset("key: id", "key: no"))
    assert (list(loaded.datasets), list(loaded.models)) == ([], ["sales"])


def test_hidden_folders_are_no_specs(project: Make) -> None:
    """Caches and hidden folders are skipped."""
    loaded = load(project, {"models/__pycache__/x": "", "models/.old/x": "", "models/README": ""})
    assert loaded.problems == ()


def test_project_without_specs_is_named(tmp_path: Path) -> None:
    """The message has the folder that was searched."""
    (problem,) = load_all(tmp_path).problems
    assert str(tmp_path) in str(problem)
    assert "SLIPWAY_PROJECT" in str(problem)


def test_only_one_model_and_its_dataset_are_read(project: Make) -> None:
    """A task's start reads no other folder, so mistakes elsewhere do not matter."""
    broken = {f"models/other_{number}/model.yaml": "model: [" for number in range(3)}
    broken["datasets/other/dataset.yaml"] = ""
    loaded = load_all(project({**FILES, **broken}), only="sales")
    assert (list(loaded.datasets), list(loaded.models)) == (["shop"], ["sales"])
    assert loaded.problems == ()


def test_only_a_dataset_reads_no_model(project: Make) -> None:
    """A dataset task's start reads that dataset alone."""
    loaded = load_all(project({**FILES, "models/broken/model.yaml": ""}), only="shop")
    assert (list(loaded.datasets), list(loaded.models), loaded.problems) == (["shop"], [], ())


def test_only_an_unknown_name_is_nothing(project: Make) -> None:
    """An unknown name loads nothing, and is no problem of any spec."""
    assert load_all(project(FILES), only="nobody") == Loaded()


def test_unknown_dataset_is_seen_when_only_one_model_is_read(project: Make) -> None:
    """Read alone, a model with an unknown dataset gets the known names."""
    loaded = load_all(
        project({**FILES, **broken_model("dataset: shop", "dataset: shp")}), only="sales"
    )
    (problem,) = loaded.problems
    assert problem.nearest == "shop"


def test_one_folder_raises_all_its_problems(project: Make) -> None:
    """Loading one folder returns its spec, or raises all its problems in one permanent error."""
    root = project({**FILES, **more("widnow: 1\nowner: 5\n")})
    assert load_dataset(root / "include/datasets/shop").key == "id"
    with pytest.raises(SpecErrors) as raised:
        load_model(root / "include/models/sales")
    assert isinstance(raised.value, SpecError | Permanent)
    assert len(raised.value.problems) == 2
    assert str(raised.value).startswith("2 problems in specs:\n")


def test_all_problems_stand_in_one_message(project: Make) -> None:
    """Airflow shows one error per file, so one message has every problem."""
    loaded = load(project, more("widnow: 1\nowner: 5\n"))
    with pytest.raises(SpecErrors) as raised:
        raise_problems(loaded)
    assert all(str(problem) in str(raised.value) for problem in loaded.problems)


ANY_YAML = st.one_of(
    st.text(),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
        ),
        max_leaves=10,
    ).map(str),
    st.lists(
        st.tuples(
            st.sampled_from(MODEL.splitlines() + DATASET.splitlines() + EXPECTATIONS.splitlines()),
            st.sampled_from(["", " ", "  ", "\t", "- ", "*x ", "&x ", "!t ", "'", "{", "]", "#"]),
        ).map("".join)
    ).map("\n".join),
)


@settings(
    max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(first=ANY_YAML, second=ANY_YAML, third=ANY_YAML)
def test_any_text_loads_or_is_a_problem(
    tmp_path: Path, first: str, second: str, third: str
) -> None:
    """For any text of a spec file, nothing is raised."""
    files = dict(zip(FILES, (first, second, third), strict=True))
    for path, text in files.items():
        target = tmp_path / "include" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text.encode(errors="surrogatepass"))
    loaded = load_all(tmp_path)
    assert ("sales" in loaded.models) or loaded.problems
    assert all(str(problem) for problem in loaded.problems)


LINES = st.integers(0, len(MODEL.splitlines()) - 1)


@settings(
    max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(
    line=LINES,
    value=st.sampled_from(["", "5", "-1.5", "text", "true", "[]", "[x]", "{}", "{x: 1}", "~", "'"]),
)
def test_any_value_in_any_place_loads_or_is_a_problem(
    tmp_path: Path, line: int, value: str
) -> None:
    """Any value in place of another loads or is a problem of that file."""
    lines = MODEL.splitlines()
    lines[line] = f"{lines[line].partition(':')[0]}: {value}"
    for path, text in {**FILES, "models/sales/model.yaml": "\n".join(lines)}.items():
        target = tmp_path / "include" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    loaded = load_all(tmp_path)
    assert list(loaded.models) == ([] if loaded.problems else ["sales"])
    assert {problem.file for problem in loaded.problems} <= {MODEL_FILE}
