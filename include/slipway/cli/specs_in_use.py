"""Specs that a command uses: the present ones, or with a warning the last valid ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from slipway.errors import SlipwayError
    from slipway.wiring import Container
    from slipway.wiring.found_specs import FoundSpecs


def warn(text: str) -> None:
    """Print a warning on standard error."""
    click.secho(f"Warning: {text}", fg="yellow", err=True)


def specs_in_use(
    container: Container, model: str, *, unknown: SlipwayError | None = None
) -> FoundSpecs:
    """Return the specs of a model after a warning on standard error, if they are not valid now.

    Args:
        container: Project and store.
        model: Name of the model.
        unknown: Error to raise where nothing is known of it; None: that of its spec.

    Raises:
        BadParameter: Nothing is known of such a model.
        SpecError: The project has no valid specs, and nothing is known of such a model.
    """
    from slipway.wiring.found_specs import find_specs, is_known

    specs = find_specs(container, model)
    if specs.problem is not None and not is_known(container, specs):
        raise unknown or specs.problem
    if specs.warning is not None:
        warn(specs.warning)
    return specs
