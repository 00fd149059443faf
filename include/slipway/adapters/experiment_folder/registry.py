"""Keep model versions, aliases and tags in a folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from slipway.adapters.experiment_folder.json_files import JsonFiles
from slipway.adapters.experiment_folder.tracking import FolderTracking
from slipway.errors import NotFound
from slipway.records.ledger import Head
from slipway.stages.model.meant_version import meant_version, recorded_digest
from slipway.stages.model.version_tags import DIGEST, RUN_KEY
from slipway.stages.ports.registry import Anchor, ModelVersion, absent_version

REGISTRY = "registry"


class FolderRegistry:
    """Fulfils the `Registry` port.

    A model is `registry/<model>.json`: its versions by number, its aliases, and heads of ledgers.

    Args:
        root: The experiment folder, with the models that runs have logged.
    """

    def __init__(self, root: Path) -> None:
        self._files = JsonFiles(root)
        self._tracking = FolderTracking(root)

    @property
    def address(self) -> str:
        """Path of the folder."""
        return str(self._files.root)

    def alias(self, model: str, alias: str) -> ModelVersion | None:
        """Return the version that an alias names, or None."""
        number = self._read(model)["aliases"].get(alias)
        return None if number is None else self.version(model, number)

    def version(self, model: str, version: int) -> ModelVersion:
        """Return one version.

        Raises:
            NotFound: There is no such version.
        """
        versions = self._read(model)["versions"]
        kept = versions.get(str(version))
        if kept is None:
            raise absent_version(model, version, map(int, versions), where=self.address)
        return _model_version(model, version, kept)

    def with_digest(self, model: str, sha256: str) -> ModelVersion | None:
        """Return the oldest version with a digest in its tags, or None."""
        return next((one for one in self.copies(sha256) if one.model == model), None)

    def copies(self, sha256: str) -> list[ModelVersion]:
        """Return the versions of any model with a digest in their tags."""
        return [one for one in self._every_version() if one.tags.get(DIGEST) == sha256]

    def exists(self, model: str) -> bool:
        """Return whether there is a registered model of that name."""
        return self._files.read(_name(model)) is not None

    def register(
        self, model: str, *, model_uri: str, run_key: str, tags: Mapping[str, str], above: int = 0
    ) -> ModelVersion:
        """Return the version of a run's model, created now or by an earlier attempt.

        Args:
            model: Name of the registered model.
            model_uri: The run's model.
            run_key: Key of the run.
            tags: Of the version.
            above: Its number is greater than this one; the run's versions up to it are deleted.
        """
        with self._files.changing():
            kept = self._read(model)
            for number, one in list(kept["versions"].items()):
                if (one["tags"][RUN_KEY], one["source_uri"]) == (run_key, model_uri):
                    if int(number) > above:
                        return _model_version(model, int(number), one)
                    del kept["versions"][number]
            made = {
                "source_uri": model_uri,
                "tags": {**tags, RUN_KEY: run_key},
                "created_at": datetime.now(UTC).isoformat(),
            }
            number = max([above, *map(int, kept["versions"])]) + 1
            kept["versions"][str(number)] = made
            self._files.write(_name(model), kept)
        return _model_version(model, number, made)

    def set_alias(self, model: str, alias: str, version: int) -> None:
        """Move an alias to a version.

        Raises:
            NotFound: There is no such version.
        """
        with self._files.changing():
            self.version(model, version)
            kept = self._read(model)
            kept["aliases"][alias] = version
            self._files.write(_name(model), kept)

    def delete_alias(self, model: str, alias: str) -> None:
        """Delete an alias if it exists."""
        with self._files.changing():
            kept = self._read(model)
            if kept["aliases"].pop(alias, None) is not None:
                self._files.write(_name(model), kept)

    def tag(self, model: str, version: int, tags: Mapping[str, str]) -> None:
        """Set tags of a version, keeping its others.

        Raises:
            NotFound: There is no such version.
        """
        with self._files.changing():
            self.version(model, version)
            kept = self._read(model)
            kept["versions"][str(version)]["tags"].update(tags)
            self._files.write(_name(model), kept)

    def anchor(self, anchor: Anchor) -> None:
        """Keep a ledger's head, unless a newer one is kept, or there is no such model."""
        with self._files.changing():
            known = self._heads(anchor.model).get(anchor.subject)
            if known is None or known.head.sequence < anchor.head.sequence:
                self._keep_head(anchor)

    def replace_anchor(self, anchor: Anchor) -> None:
        """Keep a ledger's head in the place of any other, unless there is no such model."""
        with self._files.changing():
            self._keep_head(anchor)

    def anchored(self, model: str) -> Head | None:
        """Return the newest kept head of a model's own ledger, or None."""
        known = self._heads(model).get(model)
        return known.head if known else None

    def list_anchors(self) -> list[Anchor]:
        """Return every kept head of a ledger."""
        return [one for model in self._models() for one in self._heads(model).values()]

    def _heads(self, model: str) -> dict[str, Anchor]:
        heads = self._read(model).get("heads", {})
        return {
            name: Anchor(name, model, Head(**value["head"]), value["store"])
            for name, value in heads.items()
        }

    def _keep_head(self, anchor: Anchor) -> None:
        if self.exists(anchor.model):
            kept = self._read(anchor.model)
            value = {"head": asdict(anchor.head), "store": anchor.store}
            kept.setdefault("heads", {})[anchor.subject] = value
            self._files.write(_name(anchor.model), kept)

    def read_file(self, model: str, version: int, name: str) -> bytes:
        """Return one file of a version's folder; its digest is not checked.

        Raises:
            NotFound: There is no such version or file.
        """
        file = self._folder(model, version) / name
        try:
            return file.read_bytes()
        except OSError as error:
            raise NotFound("there is no such file", where=str(file)) from error

    def add_file(self, model: str, version: int, name: str, data: bytes) -> None:
        """Put a file beside those of a version's folder, replacing one of the same name.

        Raises:
            NotFound: There is no such version.
        """
        (self._folder(model, version) / name).write_bytes(data)

    def download(self, model: str, version: int, to: Path, *, sha256: str | None = None) -> Path:
        """Copy a version's folder, its files checked against the digest in its tags.

        Args:
            model: Name of the model.
            version: Number within the model.
            to: Folder to create.
            sha256: Digest of the version that is meant; None: the one in its tags.

        Raises:
            NotFound: There is no such version, and no copy of the one that is meant.
            Tampered: It has no digest or another one, or a file differs from it.
        """
        found = meant_version(self, model, version, sha256=sha256)
        return self._tracking.download(found.source_uri, to, sha256=recorded_digest(found))

    def _folder(self, model: str, version: int) -> Path:
        return self._tracking.folder_of(self.version(model, version).source_uri)

    def _models(self) -> list[str]:
        names = self._files.names(REGISTRY)
        return [name.removeprefix(f"{REGISTRY}/").removesuffix(".json") for name in names]

    def _every_version(self) -> Iterator[ModelVersion]:
        for model in self._models():
            for number, one in self._read(model)["versions"].items():
                yield _model_version(model, int(number), one)

    def _read(self, model: str) -> dict[str, Any]:
        kept: dict[str, Any] | None = self._files.read(_name(model))
        return {"versions": {}, "aliases": {}} if kept is None else kept


def _name(model: str) -> str:
    return f"{REGISTRY}/{model}.json"


def _model_version(model: str, number: int, kept: Mapping[str, Any]) -> ModelVersion:
    return ModelVersion(
        model=model,
        version=number,
        run_key=kept["tags"].get(RUN_KEY, ""),
        source_uri=kept["source_uri"],
        tags=kept["tags"],
        created_at=datetime.fromisoformat(kept["created_at"]),
    )
