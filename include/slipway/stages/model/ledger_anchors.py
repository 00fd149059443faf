"""Anchor the ledgers of a model and its dataset in the registry, unless they were edited since.

An anchor is kept outside the store. It is moved on only if the anchored entry is still there and
every later one follows the one before; else the next anchor would make an edit look genuine.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Protocol

from slipway.errors import RegistryUnavailable, Tampered
from slipway.records import ledger
from slipway.records.store import Store
from slipway.records.store_identity import store_identity
from slipway.stages.model.own_anchors import own_anchors
from slipway.stages.ports.registry import Anchor

BREAKS_SHOWN = 3
BACKUP = (
    "where a backup of the store was restored, accept it by `slipway ledger accept {0} --reason …`"
)
SHARED = (
    "if another store promotes that model, give one of them another name or an MLflow of its own; "
    "if this store lost store/identity.json, restore it; if it was made anew, accept it by "
    "`slipway ledger accept {0} --reason …`"
)

logger = logging.getLogger(__name__)


class AnchorRegistry(Protocol):
    """Registry, reduced to the heads of ledgers that it keeps.

    Every method raises `RegistryUnavailable` when the registry does not answer.
    """

    def anchor(self, anchor: Anchor) -> None:
        """Keep the head of a ledger with a model, unless a newer one is kept already."""

    def list_anchors(self) -> list[Anchor]:
        """Every head that is kept, of models and datasets, with any registered model."""


def require_unbroken(
    store: Store, registry: AnchorRegistry, model: str, *, dataset: str | None = None
) -> None:
    """Raise unless the ledgers continue what was anchored; call it before a version is registered.

    Args:
        store: Store of the ledgers.
        registry: Keeps the anchors.
        model: Name of the model.
        dataset: Name of its dataset; None: its ledger is not looked at.

    Raises:
        Tampered: A ledger was edited, cut off or replaced since.
        RegistryUnavailable: The registry does not answer.
    """
    list(_heads(store, registry, model, dataset))


def anchor_ledgers(
    store: Store, registry: AnchorRegistry, model: str, *, dataset: str | None = None
) -> None:
    """Anchor the heads of the ledgers of a model and its dataset.

    Args:
        store: Store of the ledgers.
        registry: Keeps the anchors.
        model: Name of the model, with whose registered model both are kept.
        dataset: Name of its dataset; None: its ledger is not anchored.

    Raises:
        Tampered: A ledger was edited, cut off or replaced since; every anchor stays.
        RegistryUnavailable: The registry does not answer.
    """
    for anchor in list(_heads(store, registry, model, dataset)):
        registry.anchor(anchor)


def anchor_if_unbroken(
    store: Store, registry: AnchorRegistry, model: str, *, dataset: str | None = None
) -> str | None:
    """Anchor the ledgers where they are unbroken; return why not, as a sentence, or None.

    For what goes on either way: the old anchors stay, and `slipway ledger verify` finds the same.

    Args:
        store: Store of the ledgers.
        registry: Keeps the anchors.
        model: Name of the model.
        dataset: Name of its dataset; None: its ledger is not anchored.

    Raises:
        RegistryUnavailable: The registry does not answer.
    """
    try:
        anchor_ledgers(store, registry, model, dataset=dataset)
    except Tampered as error:
        logger.warning("%s", error)
        return _sentence(error)
    return None


def find_ledger_break(
    store: Store, registry: AnchorRegistry, model: str, *, dataset: str | None = None
) -> str | None:
    """Return why the ledgers will not be anchored, as a sentence; None: they will, or not known.

    Args:
        store: Store of the ledgers.
        registry: Keeps the anchors.
        model: Name of the model.
        dataset: Name of its dataset; None: its ledger is not looked at.
    """
    try:
        require_unbroken(store, registry, model, dataset=dataset)
    except RegistryUnavailable:
        return None
    except Tampered as error:
        return _sentence(error)
    return None


def _sentence(error: Tampered) -> str:
    return f"Nothing is anchored: {error.message}, {error.found}."


def _heads(
    store: Store, registry: AnchorRegistry, model: str, dataset: str | None
) -> Iterator[Anchor]:
    kept = registry.list_anchors()
    for subject in (model, *([dataset] if dataset else [])):
        anchors, exchanged = own_anchors(store, subject, kept, models=[model])
        head, breaks = ledger.verify_since(store, subject, [one.head for one in anchors])
        if exchanged or breaks:
            hint = SHARED.format(subject) if exchanged else BACKUP.format(subject)
            raise _broken(subject, [*exchanged, *breaks], store=store, hint=hint)
        if head.sequence:
            yield Anchor(subject, model, head, store_identity(store))


def _broken(subject: str, breaks: list[ledger.Break], *, store: Store, hint: str) -> Tampered:
    shown = [f"{found.key} {found.problem}" for found in breaks[:BREAKS_SHOWN]]
    return Tampered(
        f"the ledger of {subject} does not continue what was anchored in MLflow",
        expected="the anchored entry, and that each later one follows the one before",
        found="; ".join(shown) + (" …" if len(breaks) > BREAKS_SHOWN else ""),
        where=store.root,
        hint=f"`slipway ledger verify {subject}` names every break; {hint}",
    )
