"""Adapters of an installation in one folder, without an MLflow server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from slipway.settings import Settings
from slipway.wiring.container import Container

if TYPE_CHECKING:
    from slipway.stages.ports.registry import Registry
    from slipway.stages.ports.tracking import Tracking
    from slipway.stages.search.search import SearchTools


class ScratchContainer(Container):
    """The adapters of an installation whose store, runs and versions are below one folder.

    Args:
        project: Holds the specs.
        folder: Folder.

    Attributes:
        tell: Called with how far a search is; None: it is logged.
    """

    def __init__(self, project: Path, folder: Path) -> None:
        self.folder = folder
        self.tell: Callable[[str], None] | None = None
        super().__init__(
            Settings(project=project, store=str(folder / "store"), scratch=folder / "scratch")
        )

    def search_tools(self) -> SearchTools:
        """Return what a search for an estimator needs, told where the trial is shown."""
        tools = super().search_tools()
        return tools if self.tell is None else replace(tools, tell=self.tell)

    @cached_property
    def registry(self) -> Registry:
        """Model registry in the folder."""
        from slipway.adapters.experiment_folder import FolderRegistry

        return FolderRegistry(self.folder / "experiments")

    @cached_property
    def tracking(self) -> Tracking:
        """Experiment tracking in the folder."""
        from slipway.adapters.experiment_folder import FolderTracking

        return FolderTracking(self.folder / "experiments")
