"""Registry that follows the ledger: an alias or digest that no entered record names is foreign.

Whoever can write to the model registry moves aliases, sets tags and registers versions. So every
stage, command and platform reads the registry through this one: a foreign alias is reported, and
stands for the version that the ledger has under it; bytes that the ledger does not know are not
downloaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from operator import attrgetter
from pathlib import Path

from slipway.errors import NotFound, Tampered
from slipway.records.entered_versions import newest_unchanged, read_entered, require_unchanged
from slipway.records.ledger import Head
from slipway.records.ledger_facts import EnteredVersions, VersionFact
from slipway.records.store import Store
from slipway.stages.model.aliases import ANCHOR, CHALLENGER, CHAMPION, PREVIOUS
from slipway.stages.model.meant_version import recorded_digest, with_true_digest
from slipway.stages.model.version_tags import DIGEST, RUN_KEY
from slipway.stages.ports.registry import Anchor, ModelVersion, Registry
from slipway.stages.rollout.foreign_alias import (
    ForeignAlias,
    is_promotion_under_way,
    is_registration_under_way,
)
from slipway.stages.rollout.ledger_tags import with_ledger_tags

ALIASES = (CHAMPION, CHALLENGER, PREVIOUS, ANCHOR)
"""Aliases that stages act on."""


@dataclass(frozen=True)
class Judged:
    """An alias, held against the ledger.

    Attributes:
        version: Version that stages get for it.
        foreign: How the registry's alias differs; None where the ledger has it so.
    """

    version: ModelVersion | None
    foreign: ForeignAlias | None = None


class EnteredRegistry:
    """Fulfils the `Registry` port, with the ledger as the root of trust.

    Args:
        registry: The model registry.
        store: Store of the ledger.
    """

    def __init__(self, registry: Registry, store: Store) -> None:
        self._registry = registry
        self._store = store
        self._known: dict[str, EnteredVersions] = {}

    def alias(self, model: str, alias: str) -> ModelVersion | None:
        """Return the version that the ledger allows for an alias of the registry, or None.

        Raises:
            Tampered: The entry that names the version, or its record, was changed.
            RegistryUnavailable: The registry does not answer.
        """
        return self._judge(model, alias).version

    def foreign(self, model: str) -> tuple[ForeignAlias, ...]:
        """Return the aliases of a model that no entered record put where they are."""
        judged = (self._judge(model, alias).foreign for alias in ALIASES)
        return tuple(one for one in judged if one is not None)

    def version(self, model: str, version: int) -> ModelVersion:
        """Return one version of the registry, with the tags that the ledger has of it."""
        entered = self._entered(model)
        known = entered.digests(version)
        found = self._registry.version(model, version)
        found = with_true_digest(found, known, registry=self._registry)
        return with_ledger_tags(found, entered, store=self._store)

    def digest(self, model: str, version: int) -> str:
        """Return the digest of a version's manifest, if the ledger names it.

        Raises:
            NotFound: There is no such version.
            Tampered: It has no digest, or one that the ledger does not name.
        """
        sha256 = recorded_digest(self.version(model, version))
        self.require_entered(model, version, sha256)
        return sha256

    def download(self, model: str, version: int, to: Path, *, sha256: str | None = None) -> Path:
        """Download a version's folder, if the ledger names its digest.

        Args:
            model: Name of the model.
            version: Number within the model.
            to: Folder to create.
            sha256: Digest of the version that is meant; None: the one in its tags.

        Raises:
            NotFound: There is no such version, and no copy of the one that is meant.
            Tampered: The ledger does not name the digest, or the files have another one.
        """
        if sha256 is None:
            sha256 = self.digest(model, version)
        else:
            self.require_entered(model, version, sha256)
        return self._registry.download(model, version, to, sha256=sha256)

    def with_digest(self, model: str, sha256: str) -> ModelVersion | None:
        """Return the oldest version whose manifest has a digest, or None; its tags as `version`."""
        found = self._registry.with_digest(model, sha256)
        return None if found is None else self.version(model, found.version)

    def copies(self, sha256: str) -> list[ModelVersion]:
        """Return the versions of any model whose manifest has a digest."""
        return self._registry.copies(sha256)

    def exists(self, model: str) -> bool:
        """Return whether there is a registered model of that name."""
        return self._registry.exists(model)

    def register(
        self, model: str, *, model_uri: str, run_key: str, tags: Mapping[str, str], above: int = 0
    ) -> ModelVersion:
        """Register a logged model; see `Registry.register`."""
        return self._registry.register(
            model, model_uri=model_uri, run_key=run_key, tags=tags, above=above
        )

    def set_alias(self, model: str, alias: str, version: int) -> None:
        """Point an alias to a version."""
        self._registry.set_alias(model, alias, version)

    def delete_alias(self, model: str, alias: str) -> None:
        """Remove an alias."""
        self._registry.delete_alias(model, alias)

    def tag(self, model: str, version: int, tags: Mapping[str, str]) -> None:
        """Set some tags of a version."""
        self._registry.tag(model, version, tags)

    def anchor(self, anchor: Anchor) -> None:
        """Keep the head of the ledger of a model or its dataset."""
        self._registry.anchor(anchor)

    def replace_anchor(self, anchor: Anchor) -> None:
        """Keep a head in the place of another one."""
        self._registry.replace_anchor(anchor)

    def list_anchors(self) -> list[Anchor]:
        """Return every head that is kept."""
        return self._registry.list_anchors()

    def anchored(self, model: str) -> Head | None:
        """Return the newest head of a model's ledger that was kept, or None."""
        return self._registry.anchored(model)

    def require_entered(self, model: str, version: int, sha256: str) -> None:
        """Raise unless an entered record names a version with a digest.

        Raises:
            Tampered: None does, or the entry or its record was changed.
        """
        entered = self._entered(model)
        changed: Tampered | None = None
        for fact in entered.every_naming(version, sha256):
            try:
                require_unchanged(self._store, entered, fact)
            except Tampered as error:
                changed = changed or error
            else:
                return
        raise changed or Tampered(
            f"version {version} of {model} is foreign: no entered record of {model} names its "
            "bytes, so it is not loaded",
            expected=f"a digest that a promote_challenger or bring record in ledger/{model} has "
            f"for version {version}",
            found=f"sha256 {sha256}",
            where=self._store.uri(f"ledger/{model}"),
            hint="a version comes in by a training or by `slipway bring`; "
            f"`slipway why {model}` tells which versions the ledger has",
        )

    def read_file(self, model: str, version: int, name: str) -> bytes:
        """Return one file of a version's folder; its digest is not checked."""
        return self._registry.read_file(model, version, name)

    def add_file(self, model: str, version: int, name: str, data: bytes) -> None:
        """Put a file beside those of a version's folder."""
        self._registry.add_file(model, version, name, data)

    def _entered(self, model: str) -> EnteredVersions:
        found = read_entered(self._store, model, known=self._known.get(model))
        self._known[model] = found
        return found

    def _judge(self, model: str, alias: str) -> Judged:
        found = self._registry.alias(model, alias)
        if found is None or alias not in ALIASES:
            return Judged(found)
        entered = self._entered(model)
        known = entered.digests(found.version)
        found = with_true_digest(found, known, registry=self._registry)
        judged = self._judge_found(found, alias, entered)
        if judged.version is None:
            return judged
        told = with_ledger_tags(judged.version, entered, store=self._store)
        return replace(judged, version=told)

    def _judge_found(self, found: ModelVersion, alias: str, entered: EnteredVersions) -> Judged:
        if alias == CHAMPION:
            return self._judge_champion(found, entered)
        if alias == CHALLENGER:
            return self._judge_challenger(found, entered)
        if alias == PREVIOUS:
            return self._judge_previous(found, entered)
        known = entered.naming(found.version, found.tags.get(DIGEST))
        return Judged(found) if known is not None else self._foreign(found, alias, None, entered)

    def _judge_champion(self, found: ModelVersion, entered: EnteredVersions) -> Judged:
        fact = newest_unchanged(self._store, entered, attrgetter("champion"))
        if fact is not None and _is_of(found, fact):
            return Judged(_as_entered(found, fact))
        if entered.naming(found.version, found.tags.get(DIGEST)) and is_promotion_under_way(
            self._store, found.model, found.version
        ):
            return Judged(found)
        return self._foreign(found, CHAMPION, fact, entered)

    def _judge_challenger(self, found: ModelVersion, entered: EnteredVersions) -> Judged:
        fact = newest_unchanged(self._store, entered, attrgetter("challenger"))
        if fact is None or not _is_of(found, fact):
            judged = self._foreign(found, CHALLENGER, fact, entered)
            is_coming = is_registration_under_way(self._store, found.model, found.tags.get(RUN_KEY))
            return replace(judged, foreign=None) if is_coming else judged
        return Judged(_as_entered(found, fact))

    def _judge_previous(self, found: ModelVersion, entered: EnteredVersions) -> Judged:
        if entered.was_champion(found.version, found.tags.get(DIGEST)):
            return Judged(found)
        fact = newest_unchanged(self._store, entered, attrgetter("previous"))
        if fact is not None and _is_of(found, fact):
            return Judged(found)
        return self._foreign(found, PREVIOUS, fact, entered)

    def _foreign(
        self,
        found: ModelVersion,
        alias: str,
        fact: VersionFact | None,
        entered: EnteredVersions,
    ) -> Judged:
        """The version that the ledger has under a foreign alias, if the registry has its bytes."""
        instead: ModelVersion | None = None
        if fact is not None:
            try:
                meant = self._registry.version(found.model, fact.version)
            except NotFound:
                meant = None
            if meant is not None and _is_of(meant, fact):
                instead = _as_entered(meant, fact)
        meant_number = None if fact is None else fact.version
        is_known = entered.naming(found.version, found.tags.get(DIGEST)) is not None
        foreign = ForeignAlias(found.model, alias, found.version, meant_number, is_known=is_known)
        return Judged(instead, foreign)


def _is_of(found: ModelVersion, fact: VersionFact) -> bool:
    """Whether a version of the registry is the one of an entry; a tag may have been removed."""
    sha256 = found.tags.get(DIGEST)
    return found.version == fact.version and (
        None in {sha256, fact.sha256} or sha256 == fact.sha256
    )


def _as_entered(found: ModelVersion, fact: VersionFact) -> ModelVersion:
    """The version with the digest that the ledger has, also where its tag was removed."""
    known = {} if fact.sha256 is None else {DIGEST: fact.sha256}
    return replace(found, tags={**found.tags, **known})
