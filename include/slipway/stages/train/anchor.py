"""Find the anchor: the version that a hand named, else the model's first champion."""

from __future__ import annotations

from pathlib import Path

from slipway.errors import IncompatibleRuntime, NotFound
from slipway.records import ledger
from slipway.records.champion_history import is_promotion
from slipway.records.store import Store
from slipway.spec import ModelSpec
from slipway.stages.model.aliases import ANCHOR
from slipway.stages.ports.package import LoadPackage
from slipway.stages.ports.registry import Registry
from slipway.stages.train.comparison import Named


def find_anchor(model: str, *, store: Store, registry: Registry) -> int | None:
    """Return the version with the alias `anchor`, else the first champion; None before one.

    A first champion that the registry lost is returned too: a gate cannot compare with it, and
    refuses, until a hand names another.

    Args:
        model: Name of the model.
        store: Store of the ledger.
        registry: Registered versions.

    Raises:
        RegistryUnavailable: The registry does not answer.
    """
    named = registry.alias(model, ANCHOR)
    if named is not None:
        return named.version
    for entry in ledger.oldest_first(store, model):
        if is_promotion(entry["fact"]):
            return int(entry["fact"]["numbers"]["version"])
    return None


def load_anchor(
    spec: ModelSpec, *, store: Store, registry: Registry, load: LoadPackage, folder: Path
) -> Named | None:
    """Return the anchor that the gates of a model ask for; None: none is asked for, or is there.

    Args:
        spec: Model.
        store: Store of the ledger.
        registry: Registered versions.
        load: Loads a version's folder.
        folder: Folder to download it to, which does not exist.

    Raises:
        RegistryUnavailable: The registry does not answer.
        Tampered: A file of the version differs from its digest.
    """
    if spec.gates.anchor is None:
        return None
    version = find_anchor(spec.model, store=store, registry=registry)
    if version is None:
        return None
    try:
        registry.version(spec.model, version)
        return Named(version, load(registry.download(spec.model, version, folder)))
    except (NotFound, IncompatibleRuntime):
        return Named(version, None)
