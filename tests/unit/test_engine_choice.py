"""The choice of an engine from the parity of both engines' scores."""

from __future__ import annotations

import json
import math

from slipway.stages.train.engine_choice import (
    TOLERANCE,
    EngineChoice,
    ParityCheck,
    ParityTrial,
    choose_engine,
    numbers_of,
    tags_of,
    without_form,
)

ALIKE = ParityCheck("training rows", 2_000, 3e-8, 0)


def trial(checks: list[ParityCheck]) -> ParityTrial:
    """A trial of all rows that there could be."""
    return ParityTrial(checks, kinds=len(checks), rows=sum(one.rows for one in checks))


def test_agreement_on_every_kind_of_rows_is_taken() -> None:
    """The numbers are those of all rows together."""
    engine = choose_engine(
        trial([ALIKE, ParityCheck("held-out rows", 500, TOLERANCE, 0)]), labels=True
    )
    assert engine.name == "onnx"
    assert engine.reason == (
        "the scores of 2,500 rows of 2 kinds differ by at most 1.0e-06 from the pipeline's, "
        "and no label flips"
    )
    assert engine.to_json()["parity"] == {
        "rows": 2_500,
        "of_rows": 2_500,
        "max_difference": TOLERANCE,
        "flips": 0,
        "kinds": 2,
        "of_kinds": 2,
    }


def test_a_sample_is_named_as_one() -> None:
    """How many rows of how many kinds, of all that there could be."""
    engine = choose_engine(ParityTrial([ALIKE], kinds=459, rows=42_361), labels=False)
    assert engine.reason == (
        "the scores of 2,000 rows of 1 kinds (a sample of 42,361 rows of 459 kinds) "
        "differ by at most 3.0e-08 from the pipeline's"
    )
    taken = numbers_of({"engine": engine.to_json()})
    assert (taken["parity_rows"], taken["parity_of_rows"]) == (2_000, 42_361)
    assert (taken["parity_kinds"], taken["parity_of_kinds"]) == (1, 459)


def test_a_number_has_no_label_to_flip() -> None:
    """The reason of a regression has scores only."""
    engine = choose_engine(trial([ParityCheck("training rows", 9, 0.0, 0)]), labels=False)
    assert engine.reason == "the scores of 9 rows of 1 kinds equal the pipeline's"


def test_one_kind_that_differs_is_enough() -> None:
    """The reason names the worst kind, its difference and flipped labels."""
    splits = ParityCheck("values beside splits of wind", 300, 0.141, 11)
    engine = choose_engine(
        trial([ALIKE, splits, ParityCheck("held-out rows", 5, 2e-6, 0)]), labels=True
    )
    assert engine.name == "sklearn"
    assert engine.reason == (
        "parity: values beside splits of wind differ by up to 1.4e-01 (allowed: 1e-06), "
        "and 11 of all labels flip"
    )


def test_a_score_that_is_no_number_never_agrees() -> None:
    """JSON has no NaN, so the verdict has a text."""
    engine = choose_engine(
        trial([ALIKE, ParityCheck("rows without wind", 5, math.nan, 0)]), labels=True
    )
    assert engine.name == "sklearn"
    assert engine.reason.startswith("parity: rows without wind have a score that is no number")
    assert engine.parity is not None
    assert engine.parity.max_difference is None
    assert json.loads(json.dumps(engine.to_json(), allow_nan=False))


def test_nothing_compared_is_no_agreement() -> None:
    """A comparison without rows proves nothing."""
    assert choose_engine(trial([]), labels=True).name == "sklearn"


def test_a_version_is_tagged_with_what_is_known() -> None:
    """Without a form no tag has numbers."""
    taken = numbers_of({"engine": choose_engine(trial([ALIKE]), labels=True).to_json()})
    assert tags_of(taken) == {
        "slipway.engine": "onnx",
        "slipway.engine_reason": taken["engine_reason"],
        "slipway.parity_max_difference": "3e-08",
        "slipway.parity_rows": "2000",
    }
    refused = numbers_of({"engine": without_form("step Clip has no ONNX form").to_json()})
    assert tags_of(refused) == {
        "slipway.engine": "sklearn",
        "slipway.engine_reason": "conversion failed: step Clip has no ONNX form",
    }
    assert tags_of({"training_end": "2013-04-01"}) == {}
    assert EngineChoice("sklearn", "why").to_json()["parity"] is None
