"""Wire the rebuild of a version."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from slipway.stages.ports.registry import ModelVersion
    from slipway.stages.reproduce.reproduce import Reproduction
    from slipway.wiring.container import Container


def reproduce(
    container: Container, version: ModelVersion, *, tell: Callable[[str], None]
) -> Reproduction:
    """Build a version of an installation again, and compare the two.

    Args:
        container: Adapters of the installation.
        version: Registered version.
        tell: Called with each step as it begins.
    """
    from slipway.stages.reproduce import reproduce as stage

    tools = stage.RebuildTools(
        store=container.store,
        registry=container.registry,
        tables=container.tables,
        make_learner=container.make_learner,
        load=container.load_package,
        code=container.code(),
        tell=tell,
    )
    return stage.reproduce(version, tools)
