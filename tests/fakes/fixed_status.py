"""Aliases and served versions that a test sets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from slipway.errors import NotFound, PlatformUnavailable, RegistryUnavailable
from slipway.records.ledger import Head
from slipway.stages.ports.registry import Anchor, ModelVersion
from slipway.stages.rollout.platform import Served


@dataclass
class FixedRegistry:
    """A fake of `LossRegistry`, with the ledger's anchors.

    Attributes:
        named: Version by alias, the same for every model.
        tags: A version's tags, by its number.
        anchors: A ledger's head by model or dataset.
        answers: Whether it is available.
    """

    named: Mapping[str, int] = field(default_factory=dict)
    tags: Mapping[int, Mapping[str, str]] = field(default_factory=dict)
    anchors: Mapping[str, Head] = field(default_factory=dict)
    answers: bool = True

    def alias(self, model: str, alias: str) -> ModelVersion | None:
        """The version that an alias names, or None."""
        if not self.answers:
            raise RegistryUnavailable("MLflow does not answer")
        if alias not in self.named:
            return None
        return self.version(model, self.named[alias])

    def read_file(self, model: str, version: int, name: str) -> bytes:
        """No file: a version has none here."""
        raise NotFound(f"no {name}", where=f"{model}/{version}")

    def version(self, model: str, version: int) -> ModelVersion:
        """One version."""
        made = datetime(2013, 1, 1, tzinfo=UTC)
        tags = self.tags.get(version, {})
        return ModelVersion(model, version, "request-000001", "models:/m", tags, made)

    def exists(self, model: str) -> bool:
        """Whether there is such a model: there is each."""
        del model
        return True

    def copies(self, sha256: str) -> list[ModelVersion]:
        """No version: none of them is renamed."""
        del sha256
        return []

    def list_anchors(self) -> list[Anchor]:
        """Every anchored head."""
        if not self.answers:
            raise RegistryUnavailable("MLflow does not answer")
        return [Anchor(subject, "sales", head) for subject, head in self.anchors.items()]

    def replace_anchor(self, anchor: Anchor) -> None:
        """Anchor a head in the place of any other."""
        self.anchors = {**self.anchors, anchor.subject: anchor.head}

    def anchored(self, model: str) -> Head | None:
        """The anchored head of the ledger, or None."""
        if not self.answers:
            raise RegistryUnavailable("MLflow does not answer")
        return self.anchors.get(model)


@dataclass
class FixedPlatform:
    """A fake of `ServedReader`.

    Attributes:
        weights: Share of the traffic by version; empty: nothing is served.
        answers: Whether it is available.
        edited: Description of a manual edit.
    """

    weights: Mapping[int, float] = field(default_factory=dict)
    answers: bool = True
    edited: str | None = None

    def served(self, model: str) -> Served | None:
        """The served versions."""
        del model
        if not self.answers:
            raise PlatformUnavailable("the platform does not answer")
        if not self.weights:
            return None
        return Served(
            weights=self.weights,
            healthy=dict.fromkeys(self.weights, True),
            keep=(),
            token=1,
            edited=self.edited,
        )
