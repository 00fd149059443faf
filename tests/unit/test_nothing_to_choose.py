"""An error that lists candidates says that there are none where the list would be empty."""

from __future__ import annotations

import re
import shutil

import pytest

from slipway.errors import BadParameter
from slipway.spec.loading import load_all
from slipway.wiring import Container
from tests.support.command_line import Make, slipway
from tests.support.small_specs import FILES

EMPTY_LIST = re.compile(r"one of *$|allowed: *$|expected: *$", re.MULTILINE)


@pytest.fixture
def empty(container: Container) -> Container:
    """A project whose folders hold no model and no dataset."""
    for folder in (container.settings.models_folder, container.settings.datasets_folder):
        shutil.rmtree(folder)
        folder.mkdir()
    return container


@pytest.mark.parametrize(
    ("ask", "none", "file"),
    [
        ("model", "there are no models yet", "include/models/<name>/model.yaml"),
        ("dataset", "there are no datasets yet", "include/datasets/<name>/dataset.yaml"),
        (
            "model_or_dataset",
            "there are no models and no datasets yet",
            "include/models/<name>/model.yaml or include/datasets/<name>/dataset.yaml",
        ),
    ],
)
def test_an_empty_project_has_no_list_to_choose_from(
    empty: Container, ask: str, none: str, file: str
) -> None:
    """It printed "expected: one of" with nothing behind it."""
    with pytest.raises(BadParameter) as refused:
        getattr(empty, ask)("sales")
    assert refused.value.message.endswith(f"'sales': {none}")
    assert refused.value.expected == file
    assert "docs/guides/your-own.md shows how to make one" in str(refused.value.hint)


@pytest.mark.parametrize(
    "words",
    [
        ["why", "sales"],
        ["status", "sales"],
        ["rollback", "sales"],
        ["render", "sales"],
        ["parse", "shop", "features", "store", "1"],
        ["run", "reconcile", "--model", "sales"],
        ["run", "claim", "--dataset", "shop"],
    ],
    ids=" ".join,
)
def test_no_command_prints_an_empty_list(empty: Container, words: list[str]) -> None:
    """Every command that takes a name of a model or dataset."""
    del empty
    result = slipway(*words)
    assert result.exit_code != 0
    assert EMPTY_LIST.search(result.output) is None, result.output


def test_status_of_an_empty_project_says_how_to_make_a_model(empty: Container) -> None:
    """A first user gets the next step, and no list."""
    del empty
    assert slipway("status").stdout == (
        "there is no model yet; docs/guides/your-own.md shows how to make one\n"
    )


def test_a_model_without_any_dataset_says_which_file_to_make(project: Make) -> None:
    """There are no names to choose from."""
    name = "models/sales/model.yaml"
    loaded = load_all(project({name: FILES[name]}))
    [problem] = [one for one in loaded.problems if one.field == "dataset"]
    assert "allowed" not in str(problem)
    file = "include/datasets/shop/dataset.yaml"
    assert problem.hint == f"there are no datasets yet: make {file} first"
