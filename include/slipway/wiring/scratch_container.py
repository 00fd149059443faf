"""Adapters of an installation in one folder, without an MLflow server."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from slipway.settings import Settings
from slipway.wiring.container import Container

if TYPE_CHECKING:
    from slipway.stages.model.sign_version import Signing
    from slipway.stages.ports.registry import Registry
    from slipway.stages.ports.tracking import Tracking


class ScratchContainer(Container):
    """The adapters of an installation whose store, runs and versions are below one folder.

    Args:
        project: Holds the specs.
        folder: Folder.

    Attributes:
        tell: Called with how far a fit or a search is; None: it is logged.
    """

    def __init__(self, project: Path, folder: Path) -> None:
        self.folder = folder
        self.tell: Callable[[str], None] | None = None
        super().__init__(
            Settings(project=project, store=str(folder / "store"), scratch=folder / "scratch")
        )

    def tell_progress(self) -> Callable[[str], None]:
        """Return what is called with how far a fit or a search is: where the trial is shown."""
        return self.tell or super().tell_progress()

    @cached_property
    def registry(self) -> Registry:
        """Model registry in the folder."""
        from slipway.adapters.experiment_folder import FolderRegistry

        return FolderRegistry(self.folder / "experiments")

    @cached_property
    def signing(self) -> Signing:
        """No keys: what is trained here serves nowhere."""
        from slipway.stages.model.sign_version import UNSIGNED

        return UNSIGNED

    @cached_property
    def tracking(self) -> Tracking:
        """Experiment tracking in the folder."""
        from slipway.adapters.experiment_folder import FolderTracking

        return FolderTracking(self.folder / "experiments")
