"""A registry's aliases and tags in memory, as far as rollouts use them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from slipway.errors import (
    NotFound,
)
from slipway.records.ledger import Head
from slipway.stages.model.meant_version import meant_version
from slipway.stages.model.version_tags import DIGEST
from slipway.stages.ports.registry import Anchor, ModelVersion


@dataclass(frozen=True)
class FakeVersion:
    """A registered version."""

    model: str
    version: int
    tags: dict[str, str]


@dataclass
class FakeRegistry:
    """A fake of `Registry`, as far as rollouts use it.

    Attributes:
        aliases: Alias to version.
        tags: Tags by version; only these versions exist.
        anchors: Every head that was anchored, oldest first.
        manifests: Manifest by version.
    """

    aliases: dict[str, int] = field(default_factory=dict)
    tags: dict[int, dict[str, str]] = field(default_factory=dict)
    anchors: list[Anchor] = field(default_factory=list)
    manifests: dict[int, bytes] = field(default_factory=dict)

    def alias(self, model: str, alias: str) -> FakeVersion | None:
        """The version of an alias, or None."""
        return self.version(model, self.aliases[alias]) if alias in self.aliases else None

    def version(self, model: str, version: int) -> FakeVersion:
        """One version."""
        if version not in self.tags:
            raise NotFound(f"{model} has no version {version}")
        return FakeVersion(model, version, dict(self.tags[version]))

    def exists(self, model: str) -> bool:
        """Whether there is such a model: there is."""
        del model
        return True

    def copies(self, sha256: str) -> list[ModelVersion]:
        """No version: none of them is renamed."""
        del sha256
        return []

    def read_file(self, model: str, version: int, name: str) -> bytes:
        """The manifest of a version, where it has one."""
        del model
        if version not in self.manifests:
            raise NotFound(f"version {version} has no {name}")
        return self.manifests[version]

    def delete_version(self, version: int) -> None:
        """Delete a version and its aliases, as a person does."""
        self.tags.pop(version, None)
        self.aliases = {alias: one for alias, one in self.aliases.items() if one != version}

    def set_alias(self, model: str, alias: str, version: int) -> None:
        """Move an alias to a version."""
        self.aliases[alias] = self.version(model, version).version

    def delete_alias(self, model: str, alias: str) -> None:
        """Delete an alias."""
        del model
        self.aliases.pop(alias, None)

    def tag(self, model: str, version: int, tags: Mapping[str, str]) -> None:
        """Set tags of a version."""
        self.version(model, version)
        self.tags[version].update(tags)

    def anchor(self, anchor: Anchor) -> None:
        """Anchor a head, unless a newer one is anchored."""
        known = {(one.subject, one.model): one.head.sequence for one in self.anchors}
        if known.get((anchor.subject, anchor.model), -1) < anchor.head.sequence:
            self.replace_anchor(anchor)

    def replace_anchor(self, anchor: Anchor) -> None:
        """Anchor a head in the place of any other."""
        self.anchors.append(anchor)

    def list_anchors(self) -> list[Anchor]:
        """The newest head of each ledger."""
        return list({(one.subject, one.model): one for one in self.anchors}.values())

    def anchored(self, model: str) -> Head | None:
        """The newest anchored head of the model's own ledger."""
        heads = [one.head for one in self.anchors if one.subject == model]
        return heads[-1] if heads else None

    def download(self, model: str, version: int, to: Path, *, sha256: str | None = None) -> Path:
        """A folder with only a file of the version's number."""
        if DIGEST in self.version(model, version).tags:
            meant_version(self, model, version, sha256=sha256)  # type: ignore[arg-type]
        to.mkdir(parents=True)
        (to / "version").write_text(str(version))
        return to
