"""Registry port: model versions, their aliases, tags and folders."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from slipway.errors import NotFound
from slipway.records import ledger


@dataclass(frozen=True)
class ModelVersion:
    """One registered model version.

    Attributes:
        model: Name of the model.
        version: Number within the model, from 1.
        run_key: Training run that produced it.
        source_uri: Address of the logged model that it was registered from.
        tags: Tags of the version.
        created_at: Wall time, UTC.
    """

    model: str
    version: int
    run_key: str
    source_uri: str
    tags: Mapping[str, str]
    created_at: datetime


@dataclass(frozen=True)
class Anchor:
    """Head of a ledger, as it was kept with a registered model.

    Attributes:
        subject: Dataset or model whose ledger it is.
        model: Registered model that keeps it: the same one, or one that uses the dataset.
        head: The newest entry at that time.
        store: Identity of the store that has the ledger; None: from before stores had one.
    """

    subject: str
    model: str
    head: ledger.Head
    store: str | None = None


MOST_NAMED = 20
"""So many of a model's versions, the newest, are named where one is not found."""


def absent_version(
    model: str, version: int, here: Iterable[int], *, where: str | None = None
) -> NotFound:
    """Return the error that a model does not have a version; pure.

    Args:
        model: Name of the model.
        version: Number that is not there.
        here: Numbers that are.
        where: Address of the registry or of the object.
    """
    numbers = sorted(here)
    named = ", ".join(map(str, numbers[-MOST_NAMED:]))
    if len(numbers) > MOST_NAMED:
        named = f"{len(numbers)} versions, the newest {named}"
    return NotFound(
        f"the registry has no version {version} of {model}",
        expected=f"one of its versions: {named}" if numbers else None,
        found=None if numbers else f"no version of {model}",
        where=where,
    )


class Versions(Protocol):
    """Registry, reduced to versions and aliases.

    Every method raises `RegistryUnavailable` when the registry does not answer.
    """

    def alias(self, model: str, alias: str) -> ModelVersion | None:
        """The version that an alias points to, or None."""

    def version(self, model: str, version: int) -> ModelVersion:
        """One version.

        Raises:
            NotFound: There is no such version; it names those that there are.
        """


class Registry(Versions, Protocol):
    """Model versions, their aliases, tags and folders.

    Every method raises `RegistryUnavailable` when the registry does not answer.
    """

    def with_digest(self, model: str, sha256: str) -> ModelVersion | None:
        """The oldest version whose manifest has a digest, or None."""

    def copies(self, sha256: str) -> list[ModelVersion]:
        """Versions of any model whose manifest has a digest; a renamed model is found by it."""

    def exists(self, model: str) -> bool:
        """Whether there is a registered model of that name."""

    def register(
        self,
        model: str,
        *,
        model_uri: str,
        run_key: str,
        tags: Mapping[str, str],
        above: int = 0,
    ) -> ModelVersion:
        """Register a logged model; a repeat returns the version that is already there.

        Args:
            model: Name of the model.
            model_uri: Address of the logged model.
            run_key: Run that logged it.
            tags: Tags of the version.
            above: Its number is greater than this one; versions of the run up to it are deleted,
                and numbers up to it are used up.
        """

    def set_alias(self, model: str, alias: str, version: int) -> None:
        """Point an alias to a version, and to no other."""

    def delete_alias(self, model: str, alias: str) -> None:
        """Remove an alias; no effect when there is none."""

    def tag(self, model: str, version: int, tags: Mapping[str, str]) -> None:
        """Set some tags of a version; its others stay."""

    def anchor(self, anchor: Anchor) -> None:
        """Keep the head of a ledger with a model, unless a newer one is kept already.

        No effect where there is no such model: one that was renamed is not registered anew.
        """

    def replace_anchor(self, anchor: Anchor) -> None:
        """Keep a head in the place of another one, also of a newer one.

        No effect where there is no such model.
        """

    def anchored(self, model: str) -> ledger.Head | None:
        """The newest head of a model's own ledger that was kept, or None."""

    def list_anchors(self) -> list[Anchor]:
        """Every head that is kept, of models and datasets, with any registered model."""

    def read_file(self, model: str, version: int, name: str) -> bytes:
        """One file of a version's folder; its digest is not checked.

        Raises:
            NotFound: There is no such version or file.
        """

    def add_file(self, model: str, version: int, name: str, data: bytes) -> None:
        """Put a file beside those of a version's folder, replacing one of the same name.

        Raises:
            NotFound: There is no such version.
        """

    def download(self, model: str, version: int, to: Path, *, sha256: str | None = None) -> Path:
        """Download a version's folder and check its files against the digest in its tags.

        Where signatures are required, the version's is verified before any of its files is
        downloaded; a version that has one brings it along.

        Args:
            model: Name of the model.
            version: Number within the model.
            to: Folder to create.
            sha256: Digest of the version that is meant; None: the one in its tags.

        Raises:
            NotFound: There is no such version.
            Tampered: It has no digest or another one, or a file differs from it.
            BadSignature: It is not signed by a trusted key.
        """
