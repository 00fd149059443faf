"""Fairness: a challenger may not treat groups of rows more unequally than a limit, or the champion.

What is missing is undecided: a division of which no two groups are large enough never passes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from slipway.records.store import encode
from slipway.records.verdicts import Number
from slipway.spec.fairness import FAIRNESS_METRICS, Fairness
from slipway.spec.gates import Gates
from slipway.spec.metrics import has_classes
from slipway.stages.gates.check import Contest, Measured
from slipway.stages.gates.gate_numbers import baseline, finite
from slipway.stages.gates.holdout_groups import groups_of
from slipway.stages.model.aliases import CHALLENGER, CHAMPION
from slipway.stages.model.class_scores import with_unseen
from slipway.stages.model.predicted_classes import predicted_classes
from slipway.stages.ports.fairness import Disparity

FILE = "fairness.json"
"""Artifact of the training's run in MLflow."""

COMPARED, TABLE, LIMITS, BLOCKS = (
    "fairness",
    "fairness.table",
    "fairness.limits",
    "fairness.blocks",
)
"""Disparities that were measured, the worst of them as JSON, by which limits, and over how many
blocks."""

BEYOND, INCREASED, UNKNOWN = "fairness.beyond", "fairness.increased", "fairness.unknown"
"""Disparities beyond their limits, greater than the champion's, and those that are not known."""

MOST_IN_RECORD = 6
"""Disparities that the run record holds, the worst ones; all are in MLflow."""


class FairnessCheck:
    """A challenger may not treat groups too unequally."""

    prefix: str = COMPARED

    def measure(self, contest: Contest) -> Measured:
        """Measure each metric of each division of the rows into groups."""
        fairness, blocks = contest.gates.fairness, contest.blocks
        if fairness is None or blocks is None:
            return Measured()
        numbers: dict[str, Number] = {
            LIMITS: limits_digest(fairness),
            BLOCKS: blocks.found,
        }
        if blocks.found < contest.gates.min_blocks:
            return Measured(numbers)
        other = None
        if fairness.max_increase is not None and contest.scores.get(CHAMPION) is not None:
            other = _predicted(contest, CHAMPION)
        actual, _ = with_unseen(contest.actual, contest.scores[CHALLENGER])
        found = contest.tools.fairness(
            fairness.metrics,
            groups=groups_of(contest.rows, fairness, personal=contest.personal),
            actual=actual.to_numpy(),
            challenger=_predicted(contest, CHALLENGER),
            other=other,
            min_rows=fairness.min_rows,
            resampling=blocks.resampling(contest.gates, seed=contest.spec.training.seed),
        )
        ordered = sorted(found, key=lambda one: badness(one, fairness))
        return Measured(
            numbers | fairness_numbers(ordered, fairness),
            {FILE: encode({"disparities": [asdict(one) for one in ordered]})},
        )

    def failures(self, gates: Gates, numbers: Mapping[str, Number]) -> Iterator[str]:
        """Yield that groups are shown to be treated too unequally."""
        fairness = gates.fairness
        if fairness is None or numbers.get(LIMITS) != limits_digest(fairness):
            return
        table = table_of(numbers)
        for name, told in ((BEYOND, _beyond), (INCREASED, _increased)):
            count = finite(numbers.get(name)) or 0
            first = next((row for row in table if row.get(name.rpartition(".")[2])), None)
            if count and first is not None:
                more = f", and {count - 1:,.0f} more so" if count > 1 else ""
                yield f"{told(first, fairness)}{more}"

    def undecided(self, gates: Gates, numbers: Mapping[str, Number]) -> Iterator[str]:
        """Yield what of the fairness is not known."""
        fairness = gates.fairness
        if fairness is None:
            return
        blocks = finite(numbers.get(BLOCKS))
        if blocks is None:
            yield "fairness was not measured"
        elif numbers.get(LIMITS) != limits_digest(fairness):
            yield "fairness was measured by other columns or limits"
        elif blocks < gates.min_blocks:
            # Beside a champion too few blocks are said once, for all that resamples them.
            if baseline(numbers) != CHAMPION:
                needed = gates.min_blocks
                yield f"fairness needs {needed} blocks of holdout rows, found {blocks:.0f}"
        elif unknown := finite(numbers.get(UNKNOWN)):
            first = next((row for row in table_of(numbers) if row["value"] is None), None)
            named = "" if first is None else f": {first['metric']} by {first['by']}"
            yield (
                f"{unknown:,.0f} of the asked fairness metrics cannot be computed{named}; no two "
                f"groups have {fairness.min_rows:,} rows that count, on enough of the blocks"
            )
        elif not finite(numbers.get(COMPARED)):
            yield "no fairness metric was measured"

    def passed(self, gates: Gates, numbers: Mapping[str, Number]) -> Iterator[str]:
        """Yield that no groups are shown to be treated too unequally."""
        if gates.fairness is not None and (count := finite(numbers.get(COMPARED))):
            yield f"by none of {count:,.0f} fairness metrics its groups are shown to be too unequal"


def fairness_numbers(ordered: Sequence[Disparity], fairness: Fairness) -> dict[str, Number]:
    """Return what the gates are handed.

    Args:
        ordered: Disparities, the worst first.
        fairness: Limits of the spec.
    """
    rows = [_row(one, fairness) for one in ordered]
    return {
        COMPARED: sum(row["value"] is not None for row in rows),
        BEYOND: sum(bool(row.get("beyond")) for row in rows),
        INCREASED: sum(bool(row.get("increased")) for row in rows),
        UNKNOWN: sum(row["value"] is None for row in rows),
        TABLE: json.dumps(rows[:MOST_IN_RECORD], ensure_ascii=False),
    }


def table_of(numbers: Mapping[str, Number]) -> list[dict[str, Any]]:
    """Return the worst disparities, as the numbers have them."""
    kept: list[dict[str, Any]] = json.loads(str(numbers.get(TABLE) or "[]"))
    return kept


def _row(one: Disparity, fairness: Fairness) -> dict[str, Any]:
    """A disparity as a row of the record, without what is not there."""
    row: dict[str, Any] = {
        "metric": one.metric,
        "by": one.by,
        "value": _rounded(one.value),
        "groups": len(one.rates),
        "left_out": len(one.rows) - len(one.rates),
    }
    if one.pair is not None:
        row["pair"] = list(one.pair)
    if one.other is not None:
        row["champion"] = _rounded(one.other)
    if one.excess is not None:
        row["excess"] = [_rounded(one.excess.lower), _rounded(one.excess.upper)]
    if _is_beyond(one):
        row["beyond"] = True
    if _has_increased(one, fairness):
        row["increased"] = True
    if one.increase is not None:
        row["increase"] = [_rounded(one.increase.lower), _rounded(one.increase.upper)]
    return row


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")


def _is_beyond(one: Disparity) -> bool:
    return one.excess is not None and one.excess.lower > 0


def _has_increased(one: Disparity, fairness: Fairness) -> bool:
    allowed = fairness.max_increase
    return one.increase is not None and allowed is not None and one.increase.lower > allowed


def badness(one: Disparity, fairness: Fairness) -> tuple[bool, float, float]:
    """Return the order: what is refused, what is not known, then by how far it is from a limit."""
    is_refused = _is_beyond(one) or _has_increased(one, fairness)
    excess = one.excess.lower if one.excess is not None else float("-inf")
    increase = one.increase.lower if one.increase is not None else float("-inf")
    far = float("inf") if one.value is None else max(excess, increase)
    return not is_refused, -far, -(one.value or 0.0)


def _predicted(contest: Contest, who: str) -> Any:
    """Predicted classes of a contender, or values of a regression."""
    scores = contest.scores[who]
    if not has_classes(contest.spec.task):
        return scores
    return predicted_classes(scores, threshold=contest.thresholds[who])


def _beyond(row: Mapping[str, Any], fairness: Fairness) -> str:
    limit = fairness.metrics[row["metric"]]
    allowed = "at least" if FAIRNESS_METRICS[row["metric"]].is_ratio else "at most"
    low, high = row["excess"]
    return (
        f"{row['metric']} by {row['by']} is {row['value']:g} ({_pair(row)}; {allowed} {limit:g} is "
        f"allowed), shown to be beyond that by {low:g} to {high:g}"
    )


def _increased(row: Mapping[str, Any], fairness: Fairness) -> str:
    low, high = row["increase"]
    return (
        f"{row['metric']} by {row['by']} is {row['value']:g} ({_pair(row)}), worse than the "
        f"champion's {row['champion']:g} by {low:g} to {high:g} ({fairness.max_increase:g} is "
        "allowed)"
    )


def _pair(row: Mapping[str, Any]) -> str:
    least, most = row.get("pair") or ("", "")
    return f"{least} against {most}"


def limits_digest(fairness: Fairness) -> str:
    """Digest of what is measured, and by which limits."""
    return hashlib.sha256(encode(fairness.model_dump(mode="json"))).hexdigest()[:12]
