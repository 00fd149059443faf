"""Tell which entries of a model's ledger are damaged, what that stops, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from slipway.errors import Tampered
from slipway.records.store import Store
from slipway.stages.model.aliases import CHAMPION
from slipway.stages.ports.registry import ModelVersion, Registry
from slipway.stages.report.export import find_version
from slipway.stages.rollout.ledger_versions import newest_promotions


def find_beside_damage(
    model: str, which: str, *, store: Store, registry: Registry
) -> tuple[ModelVersion, str | None]:
    """Return a version by number or alias, and what is damaged where it is champion beside that.

    Args:
        model: Name of the model.
        which: Number or alias.
        store: Store of the ledger.
        registry: Registered versions.

    Raises:
        NotFound: There is no such version.
        RegistryUnavailable: The registry does not answer.
        Tampered: The ledger is damaged, and no unchanged entry made a version champion.
    """
    try:
        return find_version(registry, model, which), None
    except Tampered as error:
        numbers = (number for number, _ in newest_promotions(store, model))
        number = next(numbers, None) if which == CHAMPION else None
        if number is None:
            raise
        told = next(describe_damage(model, (), error))
        by = f"version {number} is the newest that an unchanged entry made champion"
        return registry.version(model, number), f"{by}. {told}"


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
