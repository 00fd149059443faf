"""Find the version that a download means: by its number, else by its digest.

The digest of a version is that of its manifest. Its tag is compared first, which costs no request;
where it differs, the manifest is read, since a tag can be changed by hand.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from dataclasses import replace
from typing import Protocol

from slipway.errors import NotFound, Tampered
from slipway.records.store import digest
from slipway.stages.model.manifest import MANIFEST, require_digest
from slipway.stages.model.version_tags import DIGEST
from slipway.stages.ports.registry import ModelVersion


class VersionFiles(Protocol):
    """Registry, reduced to the files of versions."""

    def read_file(self, model: str, version: int, name: str) -> bytes:
        """One file of a version; `NotFound` if there is none."""


class KnownVersions(VersionFiles, Protocol):
    """Registry, reduced to what finds a version."""

    def version(self, model: str, version: int) -> ModelVersion:
        """One version; `NotFound` if there is none."""

    def copies(self, sha256: str) -> list[ModelVersion]:
        """Versions of any model with a digest in their tags."""


def meant_version(
    registry: KnownVersions, model: str, version: int, *, sha256: str | None
) -> ModelVersion:
    """Return the version of a number, or one with the digest that is meant.

    Of a model that was renamed or registered again, the same bytes are another version.

    Args:
        registry: Registry.
        model: Name of the model.
        version: Number within the model.
        sha256: Digest of the version that is meant; None: the one in its tags.

    Raises:
        NotFound: There is no such version, and no copy of the one that is meant.
        Tampered: It has no digest or another one, and there is no copy of the one that is meant.
    """
    try:
        found = registry.version(model, version)
        if sha256 is not None:
            found = with_true_digest(found, {sha256}, registry=registry)
        require_digest(model, version, wanted=sha256, found=recorded_digest(found))
    except (NotFound, Tampered):
        copies = registry.copies(sha256) if sha256 is not None else []
        if not copies:
            raise
        return copies[0]
    return found


def with_true_digest(
    found: ModelVersion, known: Collection[str], *, registry: VersionFiles
) -> ModelVersion:
    """Return a version with the digest of its manifest, if that is a known one and its tag is not.

    Args:
        found: Version of the registry.
        known: Digests that its number may have.
        registry: Has its files; asked only where the tag is none of them.

    Raises:
        RegistryUnavailable: The registry does not answer.
    """
    if not known or found.tags.get(DIGEST) in known:
        return found
    with suppress(NotFound):
        sha256 = digest(registry.read_file(found.model, found.version, MANIFEST))
        if sha256 in known:
            return replace(found, tags={**found.tags, DIGEST: sha256})
    return found


def recorded_digest(version: ModelVersion) -> str:
    """Return the digest of a version's manifest, from its tags.

    Raises:
        Tampered: It has no digest.
    """
    if DIGEST not in version.tags:
        raise Tampered(
            f"version {version.version} of {version.model} has no recorded digest",
            expected=f"tag {DIGEST}",
            hint="only versions that a training run registered can be used",
        )
    return version.tags[DIGEST]
