"""What a gate beside the metrics is: measured on the common holdout, judged by its numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from slipway.records.verdicts import Number
from slipway.spec import DatasetSpec, ModelSpec
from slipway.spec.gates import Gates
from slipway.spec.labels import Label
from slipway.stages.gates.contender_scores import contender_scores
from slipway.stages.gates.holdout_blocks import HoldoutBlocks
from slipway.stages.model.class_scores import with_unseen
from slipway.stages.model.decision import judged
from slipway.stages.ports.gate_tools import GateTools
from slipway.stages.ports.package import Package

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Contest:
    """Challenger and champion on the common holdout.

    Attributes:
        spec: Model.
        dataset: Its dataset.
        rows: Rows of the common holdout, of shape (n_rows, n_columns).
        actual: Target of each row, of shape (n_rows,); of classes their codes.
        training: Rows that the challenger was trained on, with the same columns.
        training_actual: Target of each of them, likewise.
        is_trained_here: Whether it was trained on these versions of the tables.
        challenger: Trained model.
        champion: Champion's model; None without one.
        anchor_version: Version of the anchor; None without one.
        scores: Of challenger, champion and anchor, by name, each of shape (n_rows,), or
            (n_rows, n_classes); None where a model does not fit the table any more.
        thresholds: Of each of them the score above which it predicts class 1, of two classes.
        classes: Classes of the scores, by their codes; None of a regression.
        blocks: Blocks of the rows; None where no gate resamples them.
        tools: Adapters.
    """

    spec: ModelSpec
    dataset: DatasetSpec
    rows: pd.DataFrame
    actual: pd.Series[Any]
    training: pd.DataFrame
    training_actual: pd.Series[Any]
    is_trained_here: bool
    challenger: Package
    champion: Package | None
    anchor_version: int | None
    scores: Mapping[str, Any]
    thresholds: Mapping[str, float]
    classes: Sequence[Label] | None
    blocks: HoldoutBlocks | None
    tools: GateTools

    @property
    def gates(self) -> Gates:
        """Gates of the model."""
        return self.spec.gates

    @property
    def personal(self) -> frozenset[str]:
        """Personal columns, whose values no number and no file of a gate may hold."""
        return self.dataset.streams.features.personal

    def answers(self, who: str, metric: str) -> tuple[pd.Series[Any], Any] | None:
        """Return target and a contender's scores as a metric judges them; None where it has none.

        Labels of a class that no contender knows count as wrong answers; see `with_unseen`.
        """
        scores = self.scores.get(who)
        if scores is None:
            return None
        return with_unseen(
            self.actual, judged(scores, metric=metric, threshold=self.thresholds[who])
        )

    def scores_of(self, contender: Package, rows: pd.DataFrame) -> Any | None:
        """Return a contender's scores of other rows, as `scores` has them."""
        return contender_scores(contender, rows, self.classes)


@dataclass(frozen=True)
class Measured:
    """What a gate measured.

    Attributes:
        numbers: By name; each begins with the prefix of the gate.
        files: Artifacts of the training's run in MLflow, by name.
    """

    numbers: Mapping[str, Number] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)


class GateCheck(Protocol):
    """A gate beside the metrics; by default it is never undecided, and needs no words to pass.

    Of a gate that a spec does not ask for every method yields nothing. A number that is missing is
    a failure, or undecided, and never passes.
    """

    @property
    def prefix(self) -> str:
        """Name of its numbers, or what they begin with before a dot; a verdict keeps them."""

    def measure(self, contest: Contest) -> Measured:
        """Measure on the common holdout."""

    def failures(self, gates: Gates, numbers: Mapping[str, Number]) -> Iterator[str]:
        """Yield why the challenger is refused."""

    def undecided(self, gates: Gates, numbers: Mapping[str, Number]) -> Iterator[str]:
        """Yield why it cannot be judged."""
        del gates, numbers
        yield from ()

    def passed(self, gates: Gates, numbers: Mapping[str, Number]) -> Iterator[str]:
        """Yield what was shown of a challenger that passes."""
        del gates, numbers
        yield from ()


def judged_features(contest: Contest) -> list[str]:
    """Return the challenger's features, without those that may tell the target."""
    known = set(contest.gates.sanity.known_columns)
    names = [column["name"] for column in contest.challenger.manifest["features"]]
    return [name for name in names if name in contest.rows and name not in known]
