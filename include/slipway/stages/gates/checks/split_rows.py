"""Split: the training's rows are those that the evaluation takes them for, and are older."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from slipway.records.verdicts import Number
from slipway.spec.gates import Gates
from slipway.stages.gates.check import Contest, GateCheck, Measured
from slipway.stages.gates.gate_numbers import finite
from slipway.stages.gates.random_holdout import RandomHoldout, holdout_keys

PREFIX = "split"
FOUND, RECORDED = f"{PREFIX}.training_rows", f"{PREFIX}.training_rows_recorded"
LATE = f"{PREFIX}.training_rows_not_older"
SHARED = f"{PREFIX}.shared_keys"
"""Training rows that were found again, those that the version records, those that are not older
than the holdout's first, and holdout rows whose key stands among the training rows, too."""


@dataclass(frozen=True)
class SplitCheck(GateCheck):
    """No row and no key stands on both sides, and a split by time is one."""

    prefix: str = PREFIX

    def measure(self, contest: Contest) -> Measured:
        """Count the rows that contradict the split."""
        if not contest.gates.sanity.split:
            return Measured()
        identity, manifest = contest.dataset.identity, contest.challenger.manifest
        rows, training = contest.rows, contest.training
        held, learnt = (holdout_keys(one, identity.key) for one in (rows, training))
        numbers: dict[str, Number] = {SHARED: int(held.isin(learnt).sum()), LATE: 0}
        if RandomHoldout.of_version(manifest) is None and len(rows):
            time = identity.time.column
            numbers[LATE] = int((training[time] >= rows[time].min()).sum())
        if contest.is_trained_here:
            numbers |= {FOUND: len(training), RECORDED: manifest.get("training_rows")}
        return Measured(numbers)

    def failures(self, gates: Gates, numbers: Mapping[str, Number]) -> Iterator[str]:
        """Yield what contradicts the split."""
        if not gates.sanity.split:
            return
        found, recorded = numbers.get(FOUND), numbers.get(RECORDED)
        if found is not None and found != recorded:
            yield (
                f"the version records {recorded if recorded is None else f'{recorded:,}'} training "
                f"rows, and {found:,} lie in their time, so it is not known what it has seen; "
                "train it again"
            )
        late, shared = finite(numbers.get(LATE)), finite(numbers.get(SHARED))
        if late:
            yield f"{late:,.0f} training rows are not older than the holdout's first row"
        if shared:
            yield (
                f"{shared:,.0f} holdout rows have a key that stands among the training rows, too; "
                "the key of the dataset has to tell its rows apart"
            )

    def undecided(self, gates: Gates, numbers: Mapping[str, Number]) -> Iterator[str]:
        """Yield that the split was not measured."""
        if gates.sanity.split and None in {numbers.get(LATE), numbers.get(SHARED)}:
            yield "whether the split holds was not measured (`gates.sanity.split: false`)"
