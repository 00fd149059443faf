"""Tell which entries of a model's ledger are damaged, what that stops, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from slipway.errors import Tampered


def describe_damage(
    model: str, entries: Iterable[Mapping[str, Any]], stopping: Tampered | None
) -> Iterator[str]:
    """Yield a sentence about each damaged entry, and about what keeps an alias from being known.

    Args:
        model: Name of the model.
        entries: Entries of its ledger, of which damaged ones are marked.
        stopping: Why an alias is not known, so that no rollout begins; None: they are.
    """
    if stopping is not None:
        yield (
            f"{stopping.message}: no rollout begins, and what serves stays. Way out: restore it "
            f"from a backup; else `slipway ledger accept {model} --reason …` leaves it out. "
            f"`slipway rollback {model}` goes by the intact entries."
        )
    for entry in entries:
        key = entry.get("damaged")
        if key is not None and (stopping is None or key not in stopping.message):
            yield (
                f"{key} is no entry of the ledger; restore it from a backup. "
                f"`slipway ledger verify {model}` lists every change."
            )
