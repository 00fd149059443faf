"""Model versions in memory, their folders on disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from slipway.errors import NotFound
from slipway.records.ledger import Head
from slipway.stages.model.meant_version import meant_version, recorded_digest
from slipway.stages.model.signature import verify_folder
from slipway.stages.model.version_tags import DIGEST, RUN_KEY
from slipway.stages.ports.registry import Anchor, ModelVersion, absent_version
from slipway.stages.ports.signatures import Verifier
from tests.fakes.tracking import MemoryTracking


class MemoryRegistry:
    """A fake of the `Registry` port.

    Args:
        tracking: Holds the versions' files.
    """

    def __init__(self, tracking: MemoryTracking) -> None:
        self.tracking = tracking
        self.verifier: Verifier | None = None
        self.versions: dict[str, list[ModelVersion]] = {}
        self.aliases: dict[tuple[str, str], int] = {}
        self.heads: dict[str, dict[str, Anchor]] = {}
        self.deleted: set[tuple[str, int]] = set()

    def alias(self, model: str, alias: str) -> ModelVersion | None:
        """The version of an alias, or None."""
        self.tracking.check()
        number = self.aliases.get((model, alias))
        return None if number is None else self.version(model, number)

    def version(self, model: str, version: int) -> ModelVersion:
        """One version."""
        known = self.versions.get(model, [])
        if not 1 <= version <= len(known) or (model, version) in self.deleted:
            here = range(1, len(known) + 1)
            raise absent_version(
                model, version, (one for one in here if (model, one) not in self.deleted)
            )
        return known[version - 1]

    def with_digest(self, model: str, sha256: str) -> ModelVersion | None:
        """The oldest version with a digest, or None."""
        return next((one for one in self.copies(sha256) if one.model == model), None)

    def copies(self, sha256: str) -> list[ModelVersion]:
        """The versions of any model with a digest."""
        every = (one for known in self.versions.values() for one in known)
        there = (one for one in every if (one.model, one.version) not in self.deleted)
        return [one for one in there if one.tags.get(DIGEST) == sha256]

    def exists(self, model: str) -> bool:
        """Whether there is a model of that name."""
        return model in self.versions

    def register(
        self,
        model: str,
        *,
        model_uri: str,
        run_key: str,
        tags: Mapping[str, str],
        above: int = 0,
    ) -> ModelVersion:
        """Register a run's model once, under a number above; its version."""
        self.tracking.check()
        known = self.versions.setdefault(model, [])
        for version in known:
            is_mine = (version.run_key, version.source_uri) == (run_key, model_uri)
            if is_mine and (model, version.version) not in self.deleted:
                if version.version > above:
                    return version
                self.delete_version(model, version.version)
        for number in range(len(known) + 1, above + 1):
            known.append(ModelVersion(model, number, "", "", {}, datetime.now(UTC)))
            self.delete_version(model, number)
        known.append(
            ModelVersion(
                model,
                len(known) + 1,
                run_key,
                model_uri,
                {**tags, RUN_KEY: run_key},
                datetime.now(UTC),
            )
        )
        return known[-1]

    def set_alias(self, model: str, alias: str, version: int) -> None:
        """Move an alias to a version."""
        self.aliases[model, alias] = self.version(model, version).version

    def delete_alias(self, model: str, alias: str) -> None:
        """Delete an alias."""
        self.aliases.pop((model, alias), None)

    def tag(self, model: str, version: int, tags: Mapping[str, str]) -> None:
        """Set some tags of a version."""
        known = self.version(model, version)
        self.versions[model][version - 1] = ModelVersion(
            model,
            version,
            known.run_key,
            known.source_uri,
            {**known.tags, **tags},
            known.created_at,
        )

    def delete_version(self, model: str, version: int) -> None:
        """Delete a version and its aliases, as a person does."""
        self.deleted.add((model, version))
        kept = {key: n for key, n in self.aliases.items() if (key[0], n) != (model, version)}
        self.aliases = kept

    def delete_model(self, model: str) -> None:
        """Delete a registered model, as a person does."""
        for version in range(1, len(self.versions.pop(model, [])) + 1):
            self.delete_version(model, version)
        self.deleted = {one for one in self.deleted if one[0] != model}

    def rename_model(self, model: str, name: str) -> None:
        """Rename a registered model with its versions and aliases, as a person does."""
        known = self.versions.pop(model)
        self.versions[name] = [replace(one, model=name) for one in known]
        self.aliases = {(name if m == model else m, a): n for (m, a), n in self.aliases.items()}

    def anchor(self, anchor: Anchor) -> None:
        """Anchor a head of a ledger, unless a newer one is anchored, or there is no model."""
        known = self.heads.get(anchor.model, {}).get(anchor.subject)
        if known is None or known.head.sequence < anchor.head.sequence:
            self.replace_anchor(anchor)

    def replace_anchor(self, anchor: Anchor) -> None:
        """Anchor a head in the place of any other, unless there is no model."""
        if self.exists(anchor.model):
            self.heads.setdefault(anchor.model, {})[anchor.subject] = anchor

    def anchored(self, model: str) -> Head | None:
        """The anchored head of a model's own ledger."""
        known = self.heads.get(model, {}).get(model)
        return known.head if known else None

    def list_anchors(self) -> list[Anchor]:
        """Every anchored head."""
        self.tracking.check()
        return [anchor for heads in self.heads.values() for anchor in heads.values()]

    def read_file(self, model: str, version: int, name: str) -> bytes:
        """A file of a version's folder."""
        file = self._folder(model, version) / name
        if not file.is_file():
            raise NotFound(f"there is no {file}")
        return file.read_bytes()

    def add_file(self, model: str, version: int, name: str, data: bytes) -> None:
        """Put a file beside those of a version."""
        self.tracking.check()
        (self._folder(model, version) / name).write_bytes(data)

    def _folder(self, model: str, version: int) -> Path:
        return self.tracking.root / self.version(model, version).source_uri.removeprefix("models:/")

    def download(self, model: str, version: int, to: Path, *, sha256: str | None = None) -> Path:
        """A version's folder, checked against its digest."""
        found = meant_version(self, model, version, sha256=sha256)
        if self.verifier is not None:
            verify_folder(self._folder(found.model, found.version), self.verifier, model=model)
        return self.tracking.download(found.source_uri, to, sha256=recorded_digest(found))
