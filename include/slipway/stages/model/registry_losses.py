"""Find the champion, challenger or previous champion that the registry lost to a person's hand.

The ledger says which versions there have to be; the registry may have lost the alias, the version,
or the whole model, also by a new name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, Protocol

from slipway.errors import NotFound
from slipway.records import ledger
from slipway.records.champion_history import PROMOTED, REGISTERED, kind_of_fact
from slipway.records.store import find_json
from slipway.records.verdicts import Number
from slipway.stages.model.aliases import CHALLENGER, CHAMPION, PREVIOUS
from slipway.stages.model.version_tags import DIGEST
from slipway.stages.ports.registry import Versions

if TYPE_CHECKING:
    from slipway.records.store import Store
    from slipway.stages.ports.registry import ModelVersion

Entry = Mapping[str, Any]


class LossRegistry(Versions, Protocol):
    """Registry, reduced to what tells a loss.

    Every method raises `RegistryUnavailable` when the registry does not answer.
    """

    def exists(self, model: str) -> bool:
        """Whether there is a registered model of that name."""

    def copies(self, sha256: str) -> list[ModelVersion]:
        """Versions of any model whose manifest has a digest."""


@dataclass(frozen=True)
class RegistryLoss:
    """A version that has an alias by the ledger, and none in the registry.

    Attributes:
        alias: Its alias: `champion`, `challenger` or `previous`.
        version: Its number.
        found: What the registry has of it.
        way_out: What to do.
    """

    alias: str
    version: int
    found: str
    way_out: str

    @property
    def reason(self) -> str:
        """The loss in one clause, without the way out."""
        role = "previous champion" if self.alias == PREVIOUS else self.alias
        return f"the {role}, version {self.version}, is lost: {self.found}"

    @property
    def sentence(self) -> str:
        """The loss and the way out, in sentences."""
        return f"{self.reason[0].upper()}{self.reason[1:]}. Way out: {self.way_out}."

    def to_json(self) -> dict[str, Any]:
        """The same value as plain JSON."""
        return asdict(self)


def find_lost_champion(model: str, *, store: Store, registry: LossRegistry) -> RegistryLoss | None:
    """Return the loss of the champion; None while there is one, and before the first.

    Reads the ledger only while the registry names no champion.
    """
    if registry.alias(model, CHAMPION) is not None:
        return None
    return _find_loss(model, CHAMPION, store=store, registry=registry)


def find_losses(model: str, *, store: Store, registry: LossRegistry) -> list[RegistryLoss]:
    """Return every loss of a model: of its champion, challenger and previous champion."""
    champion = registry.alias(model, CHAMPION)
    losses = (
        _find_loss(model, alias, store=store, registry=registry)
        for alias in (CHAMPION, CHALLENGER, PREVIOUS)
        if registry.alias(model, alias) is None
    )
    # A version that became champion by a rollout that was killed before its record is not lost.
    present = None if champion is None else champion.version
    return [loss for loss in losses if loss is not None and loss.version != present]


def expected_version(alias: str, entries: Iterator[Entry]) -> tuple[int, Iterator[Entry]] | None:
    """Return the version that has an alias by the ledger, and the entries up to then; pure.

    Args:
        alias: `champion`, `challenger` or `previous`.
        entries: Ledger, newest first; no more is read than needed.
    """
    for entry in entries:
        fact = entry["fact"]
        kind, numbers = kind_of_fact(fact), fact.get("numbers", {})
        version: Number = None
        if kind == PROMOTED and alias == CHAMPION:
            version = numbers.get("version")
        elif kind == PROMOTED and alias == PREVIOUS and numbers.get("action") == "roll_out":
            kept = numbers.get("before")
            version = None if kept == numbers.get("version") else kept
        elif kind in REGISTERED and alias == CHALLENGER:
            version = numbers.get("version")
        elif kind != PROMOTED:
            continue
        # What passed its gates before a promotion is the champion, or was replaced by it.
        return (version, chain([entry], entries)) if isinstance(version, int) else None
    return None


def _find_loss(
    model: str, alias: str, *, store: Store, registry: LossRegistry
) -> RegistryLoss | None:
    expected = expected_version(alias, ledger.newest_first(store, model))
    if expected is None:
        return None
    version, entries = expected
    sha256 = _registered_digest(store, version, entries)
    found, is_here, other = _look_for(model, version, sha256, registry)
    if is_here:
        found = f"MLflow has the version and no alias `{alias}` for it"
        way_out = (
            f"run {model}__deploy with `to` set to {version}, or set the alias in MLflow"
            if alias != PREVIOUS
            else "set the alias in MLflow"
        )
    elif other is not None:
        way_out = (
            f"{_renaming(model, other, registry)}; else {_replacement(model, alias, registry)}"
        )
    else:
        way_out = _replacement(model, alias, registry)
    return RegistryLoss(alias, version, found, way_out)


def _look_for(
    model: str, version: int, sha256: str | None, registry: LossRegistry
) -> tuple[str, bool, str | None]:
    """What the registry has of a version; whether it is there; another model that has its bytes."""
    try:
        known = registry.version(model, version)
    except NotFound:
        known = None
    if known is not None and sha256 in {None, known.tags.get(DIGEST)}:
        return "", True, None
    copies = registry.copies(sha256) if sha256 else []
    elsewhere = next((one for one in copies if one.model != model), None)
    if known is not None:
        found = f"version {version} of {model} in MLflow is another one now, by its digest"
    elif registry.exists(model):
        found = f"MLflow has no version {version} of {model}"
    else:
        found = f"MLflow has no model {model}"
    if elsewhere is None:
        return found, False, None
    same = f"the same bytes are version {elsewhere.version} of {elsewhere.model}"
    return f"{found}; {same}", False, elsewhere.model


def _renaming(model: str, other: str, registry: LossRegistry) -> str:
    """How a model that may have been renamed gets its name back."""
    renamed = f"if {other} is {model} under a new name, rename it back to {model} in MLflow"
    if not registry.exists(model):
        return renamed
    # A training registered the name anew.
    return f"{renamed}, once the {model} that is there now is deleted or has another name"


def _replacement(model: str, alias: str, registry: LossRegistry) -> str:
    """What to do about a version that is gone for good."""
    if alias == PREVIOUS:
        back = f"to go back run {model}__deploy with a number"
        if registry.alias(model, CHAMPION) is not None:
            return f"nothing while the champion serves; {back}"
        return f"restore the champion first, as `slipway why {model}` says; {back} that MLflow has"
    if alias == CHALLENGER:
        return "ask for a training"
    train = (
        f"ask for a training without it: `slipway run accept --model {model} --reason …"
        " --without-champion yes`, or the form of the train DAG"
    )
    previous = registry.alias(model, PREVIOUS)
    if previous is None:
        return train
    return f"return to version {previous.version} with `slipway rollback {model}`, or {train}"


def _registered_digest(store: Store, version: int, entries: Iterable[Entry]) -> str | None:
    """Digest of the version that was registered last under a number; None: not recorded."""
    for entry in entries:
        fact = entry["fact"]
        if kind_of_fact(fact) not in REGISTERED:
            continue
        if fact.get("numbers", {}).get("version") == version:
            record = find_json(store, fact["record"]) or {}
            sha256 = record.get("verdict", {}).get("evidence", {}).get("manifest_sha256")
            return None if sha256 is None else str(sha256)
    return None
