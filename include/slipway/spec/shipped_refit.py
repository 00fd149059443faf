"""Warn of versions that learnt from their holdout, too: what the next comparison waits for."""

from __future__ import annotations

from collections.abc import Iterator

from slipway.spec.model import ModelSpec


def shipped_refit_warnings(spec: ModelSpec) -> Iterator[str]:
    """Yield what `training.ship: refit` costs, with its field."""
    if spec.training.ship != "refit":
        return
    gates = spec.gates
    needed = f"{gates.min_holdout_rows:,} rows"
    if gates.needs_blocks:
        unit = gates.cluster or gates.blocks or "day"
        needed += f" and {gates.min_blocks} blocks ({unit})"
    yield (
        "training.ship: refit: the figures of a version are those of its recipe, and the next "
        "challenger is compared only on labels that are newer than all that the champion learnt "
        f"from: a training before there are {needed} of them promotes nothing"
    )
