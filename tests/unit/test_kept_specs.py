"""Specs that a rollout kept: the newest valid ones of a model and its dataset."""

from __future__ import annotations

from pathlib import Path

import pytest

from slipway.errors import Tampered
from slipway.records.kept_specs import keep_specs, kept_specs, models_with_specs
from slipway.spec.loading import load_all
from tests.fakes.memory_store import MemoryStore
from tests.support import ferry_dataset

ROOT = Path(__file__).parents[2]


def test_what_was_kept_is_read_as_it_was() -> None:
    """Every example of the project, its expectations and short forms included."""
    loaded = load_all(ROOT)
    assert loaded.models
    store = MemoryStore()
    for name, model in loaded.models.items():
        keep_specs(store, model, loaded.datasets[model.dataset])
        found = kept_specs(store, name)
        assert found is not None
        assert (found.model, found.dataset) == (model, loaded.datasets[model.dataset])
    assert models_with_specs(store) == sorted(loaded.models)


def test_only_a_change_is_kept() -> None:
    """A sweep that finds the same specs writes nothing; the newest change counts."""
    store, dataset = MemoryStore(), ferry_dataset.dataset()
    for owner in ("ada", "ada", "bob", "ada"):
        keep_specs(store, ferry_dataset.model().model_copy(update={"owner": owner}), dataset)
    assert len(store.list("specs")) == 3
    found = kept_specs(store, "ferry_delay")
    assert found is not None
    assert found.model.owner == "ada"


def test_a_model_without_a_rollout_has_none() -> None:
    """Nothing is kept by being looked for."""
    assert kept_specs(MemoryStore(), "ferry_delay") is None
    assert models_with_specs(MemoryStore()) == []


def test_specs_of_another_release_are_not_guessed_at() -> None:
    """A field that this release does not know is an error with the object's key."""
    store = MemoryStore()
    store.write("specs/ferry_delay/000001.json", b'{"model": {"moddel": "x"}}')
    with pytest.raises(Tampered, match="cannot be read") as refused:
        kept_specs(store, "ferry_delay")
    assert refused.value.where == "specs/ferry_delay/000001.json"
