"""Aliases of the registry that no entered record put where they are: foreign ones."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from slipway.records.champion_history import PROMOTED, REGISTERED
from slipway.records.idempotent_stage import find_decision
from slipway.records.open_work import open_stages
from slipway.records.run_records import find_record
from slipway.records.store import Store


@dataclass(frozen=True)
class ForeignAlias:
    """An alias that no entered record put where it is.

    Attributes:
        model: Name of the model.
        alias: The alias.
        version: Version that it names in the registry.
        entered: Version that it names by the ledger; None: none.
        is_known: Whether the ledger names the bytes of `version`.
    """

    model: str
    alias: str
    version: int
    entered: int | None
    is_known: bool

    @property
    def sentence(self) -> str:
        """The alias, what the ledger has, and what to do, in sentences."""
        by_ledger = (
            f"the ledger has no {self.alias}"
            if self.entered is None
            else f"by the ledger version {self.entered} is {self.alias}"
        )
        bytes_too = "" if self.is_known else ", nor names its bytes"
        return (
            f"The alias `{self.alias}` is foreign: MLflow has it on version {self.version}, no "
            f"entered record put it there{bytes_too}, {by_ledger}; no traffic moves for it. "
            f"Way out: {self.way_out}."
        )

    @property
    def way_out(self) -> str:
        """What to do about it."""
        back = (
            f"delete the alias `{self.alias}` in MLflow"
            if self.entered is None
            else f"set the alias `{self.alias}` in MLflow back to version {self.entered}"
        )
        if not self.is_known:
            return f"{back}; a version from outside comes in by `slipway bring {self.model}`"
        return f"{back}; to serve version {self.version} run {self.model}__deploy with it as `to`"

    def to_json(self) -> dict[str, Any]:
        """The same value as plain JSON."""
        return asdict(self)


def is_promotion_under_way(store: Store, model: str, version: int) -> bool:
    """Whether a version's promotion was decided or recorded, and is not in the ledger yet.

    Whatever stage runs next carries it out or enters it.
    """
    for ref in open_stages(store, model):
        record = find_record(store, ref)
        verdict = record.verdict if record is not None else find_decision(store, ref)
        if verdict is None or verdict.numbers.get("version") != version:
            continue
        if (ref.stage, verdict.action) == PROMOTED:
            return True
    return False


def is_registration_under_way(store: Store, model: str, run_key: str | None) -> bool:
    """Whether a training's registration has begun, and is not in the ledger yet.

    Args:
        store: Store of the stages that are open.
        model: Name of the model.
        run_key: Training run of the registered version, by its tags.
    """
    registering = {stage for stage, _ in REGISTERED}
    return any(
        ref.stage in registering and f"{model}/{ref.run}" == run_key
        for ref in open_stages(store, model)
    )
