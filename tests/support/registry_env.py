"""A registry and its training runs, with one model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from slipway.stages.model.version_tags import DIGEST
from slipway.stages.ports.registry import Registry
from slipway.stages.ports.tables import PinnedTable
from slipway.stages.ports.tracking import Tracking


@dataclass
class RegistryEnv:
    """A registry and its training runs, with one model."""

    registry: Registry
    tracking: Tracking
    status: Callable[[str], str]
    model: str

    def begin(self, *, run_key: str = "m/request-000001", attempt: int = 1) -> str:
        """Id of a new training run."""
        return self.tracking.begin(
            self.model,
            run_key=run_key,
            attempt=attempt,
            tags={"slipway.reason": "first"},
            params={"estimator": "ridge"},
            tables=[PinnedTable("shop/features", "s3://bucket/tables/shop/features", 3)],
        )

    def log(self, folder: Path) -> str:
        """Model URI of a folder, logged by a new run."""
        return self.tracking.log_package(self.begin(), folder)

    def register(self, folder: Path, digest: str, *, run_key: str = "m/request-000001") -> int:
        """Version of a folder, logged by a new run."""
        return self.register_uri(self.log(folder), digest, run_key=run_key)

    def register_uri(self, uri: str, digest: str, *, run_key: str = "m/request-000001") -> int:
        """Version of a logged model."""
        tags = {DIGEST: digest, "slipway.reason": "first"}
        made = self.registry.register(self.model, model_uri=uri, run_key=run_key, tags=tags)
        return made.version
