"""Read what a model version's folder tells of its classes and its holdout rows.

Folders are large, since they hold the model, so what monitoring needs of one is kept in the store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slipway.records.scratch_folder import scratch_folder
from slipway.stages.model import held_out_features, held_out_rows
from slipway.stages.model.held_out_features import HeldOutFeatures, parse_held_out_features
from slipway.stages.model.held_out_rows import HeldOutRows, parse_held_out
from slipway.stages.model.manifest import MANIFEST, open_sealed, parse
from slipway.stages.model.version_tags import DIGEST
from slipway.stages.monitor.reference.derived_object import Derived, DerivedFrom, Parts, derive_once
from slipway.stages.monitor.reference.watched_version import watched_version

if TYPE_CHECKING:
    from slipway.records.store import Store
    from slipway.spec.labels import Label
    from slipway.stages.ports.registry import Registry

_HELD_OUT, _FEATURES = "holdout", "holdout_features"


@dataclass(frozen=True)
class VersionFacts:
    """What monitoring reads of a version's folder.

    Attributes:
        classes: Classes in its manifest, in the order of their codes; None in versions that were
            saved without them.
        held_out: Its holdout rows; None in versions that were saved without them.
        manifest: Its manifest.
        note: Sentence on a stored object that was damaged; empty without one.
        held_out_features: Its holdout rows with features; None in versions without them.
    """

    classes: tuple[Label, ...] | None
    held_out: HeldOutRows | None
    manifest: Mapping[str, Any]
    note: str = ""
    held_out_features: HeldOutFeatures | None = None


@dataclass(frozen=True)
class OpenedVersion:
    """A version whose folder is downloaded when it is first needed.

    Attributes:
        registry: Registry that has it.
        derived_from: The version; its digest is empty where the registry has none.
        scratch: Folder to download to.
        store: Store of what is derived; None: nothing is kept.
    """

    registry: Registry
    derived_from: DerivedFrom
    scratch: Path
    store: Store | None

    @cached_property
    def folder(self) -> Path:
        """Its folder, whose files have been checked.

        Raises:
            NotFound: The registry lost the version.
            Tampered: A file differs from its digest.
        """
        known = self.derived_from
        folder = self.registry.download(known.model, known.version, self.scratch)
        open_sealed(folder, sha256=known.sha256 or None)
        return folder

    def derive(self, name: str, inputs: Mapping[str, Any], make: Callable[[], Parts]) -> Derived:
        """Return parts that are derived from the folder, of the store where it has them.

        Args:
            name: What they are.
            inputs: All that they depend on beside the version, as JSON.
            make: Makes them.
        """
        if self.store is None or not self.derived_from.sha256:
            return Derived(make())
        return derive_once(self.store, self.derived_from.key(name, inputs), make)

    def facts(self) -> VersionFacts:
        """Return the facts about the version.

        Raises:
            NotFound: The registry lost the version.
            Tampered: A file differs from its digest.
        """
        found = self.derive("facts", {}, lambda: _facts_of(self.folder))
        sha256 = self.derived_from.sha256 or None
        manifest = parse(found.parts[MANIFEST], sha256=sha256, where=MANIFEST)
        classes, held_out = manifest.get("classes"), found.parts.get(_HELD_OUT)
        known = found.parts.get(_FEATURES)
        return VersionFacts(
            None if classes is None else tuple(classes),
            None if held_out is None else parse_held_out(held_out),
            manifest,
            found.note,
            None if known is None else parse_held_out_features(known),
        )


@contextmanager
def open_version(
    registry: Registry, model: str, version: int, *, store: Store | None = None
) -> Iterator[OpenedVersion]:
    """Open a version to read facts about it.

    Args:
        registry: Registry that has it.
        model: Name of the model.
        version: Number of the version.
        store: Store of what is derived; None: nothing is kept.

    Raises:
        NotFound: The registry lost the version.
    """
    found = watched_version(model, version, registry=registry)
    derived_from = DerivedFrom(model, version, found.tags.get(DIGEST, ""))
    with scratch_folder("slipway-version-", needs="the version's folder") as scratch:
        yield OpenedVersion(registry, derived_from, scratch, store)


def read_version_facts(
    registry: Registry, model: str, version: int, *, store: Store | None = None
) -> VersionFacts:
    """Return the facts about a version.

    Args:
        registry: Registry that has it.
        model: Name of the model.
        version: Number of the version.
        store: Store in which they are kept; None: they are read from the folder.

    Raises:
        NotFound: The registry lost the version.
        Tampered: A file differs from its digest.
    """
    with open_version(registry, model, version, store=store) as opened:
        return opened.facts()


def _facts_of(folder: Path) -> Parts:
    parts = {MANIFEST: (folder / MANIFEST).read_bytes()}
    files = {
        _HELD_OUT: held_out_rows.kept_file(folder).get(held_out_rows.FILE),
        _FEATURES: held_out_features.kept_file(folder).get(held_out_features.FILE),
    }
    return parts | {name: data for name, data in files.items() if data is not None}
