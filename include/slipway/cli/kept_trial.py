"""An option of commands that read records: the folder that `slipway try --keep` kept."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from slipway.cli.local_installation import find_installation
from slipway.errors import BadParameter

if TYPE_CHECKING:
    from slipway.wiring import Container

kept_option = click.option(
    "--kept",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of `slipway try --keep`, to be read in place of the installation.",
)


def container_of(kept: Path | None) -> Container:
    """Return the adapters of the installation, or those of a trial that was kept.

    Raises:
        BadParameter: The folder holds no trial.
    """
    from slipway import wiring

    if kept is None:
        find_installation()
        return wiring.Container()
    if not (kept / "store").is_dir():
        raise BadParameter(
            "the folder holds no trial",
            expected="a folder that `slipway try MODEL --keep` made",
            where=str(kept),
        )
    from slipway.settings import Settings
    from slipway.wiring.scratch_container import ScratchContainer

    return ScratchContainer(Settings().project, kept.resolve())
