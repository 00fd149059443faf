"""Categories in an ONNX form: blank and missing ones keep scores of their own."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from slipway.adapters.model_package.learned_model import LearnedModel
from slipway.adapters.model_package.learner import SklearnLearner
from slipway.stages.model.onnx_form import MISSING, spell_category
from slipway.stages.train.engine_choice import TOLERANCE
from slipway.values.value_types import LARGEST_NUMBER
from tests.support import packages
from tests.support.onnx_models import asked, difference

ODD = ["", " ", "  ", "nan", "None", "Oban", "Oban ", "\0", "\N{SHIP}", None]


@cache
def learned_with_odd_categories(estimator: str) -> LearnedModel:
    """A model whose training data has empty, blank and `nan`-like categories."""
    random = np.random.default_rng(2)
    rows = packages.rows(600)
    chosen = random.integers(0, len(ODD), len(rows))
    rows["port"] = np.array(ODD, dtype=object)[chosen]
    # Every category has its own share of late crossings.
    share = (chosen + 1) / (len(ODD) + 1)
    rows["late"] = (random.random(len(rows)) < share).astype("int64")
    return SklearnLearner(packages.spec(estimator), packages.dataset(), None).learn(rows)


def test_categories_that_look_like_nothing_are_told_apart() -> None:
    """Blank, "nan", "None" and a missing one each have a score; an empty text is missing."""
    model = learned_with_odd_categories("sklearn.linear_model.LogisticRegression")
    rows = packages.rows(len(ODD)).assign(wind=0.0, decks=1, berth="1", port=ODD)
    scores = asked(model).score(packages.values(model.package, rows))
    assert scores[ODD.index("")] == scores[ODD.index(None)]
    assert len(set(scores)) == len(ODD) - 1
    assert difference(model, rows) <= 1e-15


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            st.none() | st.floats(-LARGEST_NUMBER, LARGEST_NUMBER),
            st.integers(-(2**53), 2**53),
            st.sampled_from(ODD) | st.none() | st.text(max_size=5),
            st.none() | st.integers(-1, 3).map(str) | st.text(" ", max_size=3),
        ),
        min_size=1,
        max_size=20,
    )
)
def test_no_row_tells_the_engines_apart(rows: list[tuple[Any, ...]]) -> None:
    """For any numbers, texts and gaps both engines score alike."""
    columns = [list(values) for values in zip(*rows, strict=True)]
    names = ("wind", "decks", "port", "berth")
    frame = pd.DataFrame(
        {name: pd.Series(values, dtype=object) for name, values in zip(names, columns, strict=True)}
    )
    for name in ("sklearn.linear_model.LogisticRegression", "xgboost.XGBClassifier"):
        model = learned_with_odd_categories(name)
        expected = model.predict(frame)
        values = packages.values(model.package, frame)
        assert np.abs(asked(model).score(values) - expected).max() <= TOLERANCE


@given(categories=st.lists(st.none() | st.text() | st.text(" "), unique=True, max_size=20))
def test_no_two_categories_are_spelled_alike(categories: list[str | None]) -> None:
    """Blank categories differ, and only a missing one has the missing spelling."""
    spellings = [spell_category(category) for category in categories]
    assert len(set(spellings)) == len(categories)
    assert (MISSING in spellings) == (None in categories)
