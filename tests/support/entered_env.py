"""A rollout on fakes whose stages read the registry as an installation does: by the ledger."""

from __future__ import annotations

from typing import Any

from slipway.stages.model.version_tags import DIGEST
from slipway.stages.report.status import Status, status
from slipway.stages.report.why import why
from slipway.stages.rollout.entered_registry import EnteredRegistry
from slipway.stages.rollout.version_outcome import ROLLED_BACK, ROLLOUT_TAG, SERVING
from tests.support.promotions import promoted, registered, rolled_back
from tests.support.rollout_env import MODEL, RolloutEnv


class EnteredEnv(RolloutEnv):
    """Versions 1 to 3 were registered and 4 by hand; 1, 3 and 2 were champion in turn.

    3 was rolled back to 2. The attribute `registry` is what a person sees in MLflow.
    """

    def __post_init__(self) -> None:
        """Enter the past of the model in its ledger."""
        super().__post_init__()
        for number, tags in self.registry.tags.items():
            tags[DIGEST] = sha(number)
        for number in (1, 2):
            registered(self.store, MODEL, number, sha256=sha(number))
            promoted(self.store, MODEL, number, sha256=sha(number), run=f"early-{number}")
        registered(self.store, MODEL, 3, sha256=sha(3))
        promoted(self.store, MODEL, 3, sha256=sha(3), run="early-3")
        rolled_back(self.store, MODEL, 3, to=2, sha256=sha(2), run="early-4")
        self.registry.tags[2][ROLLOUT_TAG] = SERVING
        self.registry.tags[3][ROLLOUT_TAG] = ROLLED_BACK
        self.platform.apply(
            MODEL, weights={2: 1.0}, keep=[1], token=0, digests={1: sha(1), 2: sha(2)}
        )

    @property
    def entered(self) -> EnteredRegistry:
        """The registry as stages read it."""
        return EnteredRegistry(self.registry, self.store)  # type: ignore[arg-type]

    def told(self) -> list[str]:
        """The lines of `slipway why`."""
        return why(MODEL, **self._reading())

    def status(self) -> Status:
        """The model's status."""
        return status(MODEL, **self._reading())

    def _ports(self) -> dict[str, Any]:
        return {**super()._ports(), "registry": self.entered}

    def _reading(self) -> dict[str, Any]:
        return {"store": self.store, "registry": self.entered, "platform": self.platform}


def sha(version: int) -> str:
    """Digest of a version."""
    return f"{version:064d}"
