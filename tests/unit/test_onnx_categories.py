"""Categories in an ONNX form: empty, blank and missing ones keep scores of their own."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from slipway.adapters.model_package.columns import LARGEST
from slipway.adapters.model_package.learner import LearnedModel, SklearnLearner
from slipway.stages.model.onnx_form import MISSING, spell_category
from slipway.stages.train.engine_choice import TOLERANCE
from tests.support import packages
from tests.support.onnx_models import asked, difference

WEIRD = ["", " ", "  ", "nan", "None", "Oban", "Oban ", "\0", "\N{SHIP}", None]


@cache
def learned_weird(estimator: str) -> LearnedModel:
    """A model that knows categories which look like nothing."""
    random = np.random.default_rng(2)
    rows = packages.rows(600)
    chosen = random.integers(0, len(WEIRD), len(rows))
    rows["port"] = np.array(WEIRD, dtype=object)[chosen]
    # Every category has a share of late crossings of its own.
    share = (chosen + 1) / (len(WEIRD) + 1)
    rows["late"] = (random.random(len(rows)) < share).astype("int64")
    return SklearnLearner(packages.spec(estimator), packages.dataset(), None).learn(rows)


def test_categories_that_look_like_nothing_are_told_apart() -> None:
    """Empty, blank, "nan", "None" and a missing one each have a score of their own."""
    model = learned_weird("sklearn.linear_model.LogisticRegression")
    rows = packages.rows(len(WEIRD)).assign(wind=0.0, decks=1, berth="1", port=WEIRD)
    scores = asked(model).score(packages.values(model.package, rows))
    assert len(set(scores)) == len(WEIRD)
    assert difference(model, rows) <= 1e-15


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            st.none() | st.floats(-LARGEST, LARGEST),
            st.integers(-(2**53), 2**53),
            st.sampled_from(WEIRD) | st.none() | st.text(max_size=5),
            st.none() | st.integers(-1, 3).map(str) | st.text(" ", max_size=3),
        ),
        min_size=1,
        max_size=20,
    )
)
def test_no_row_tells_the_engines_apart(rows: list[tuple[Any, ...]]) -> None:
    """Whatever numbers, texts and gaps come in, both engines score alike."""
    columns = [list(values) for values in zip(*rows, strict=True)]
    names = ("wind", "decks", "port", "berth")
    frame = pd.DataFrame(
        {name: pd.Series(values, dtype=object) for name, values in zip(names, columns, strict=True)}
    )
    for name in ("sklearn.linear_model.LogisticRegression", "xgboost.XGBClassifier"):
        model = learned_weird(name)
        expected = model.predict(frame)
        assert np.abs(asked(model).score(columns) - expected).max() <= TOLERANCE


@given(categories=st.lists(st.none() | st.text() | st.text(" "), unique=True, max_size=20))
def test_no_two_categories_are_spelled_alike(categories: list[str | None]) -> None:
    """However blank they are; and only a missing one is spelled as nothing."""
    spellings = [spell_category(category) for category in categories]
    assert len(set(spellings)) == len(categories)
    assert (MISSING in spellings) == (None in categories)
