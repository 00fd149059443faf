"""Commands that run until they are stopped: one model version, the shipper, the platform."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import click

from slipway.cli.number_range import NumberRange
from slipway.cli.signals import exit_on_sigterm
from slipway.settings import Settings

port_option = click.option(
    "--port",
    type=click.IntRange(0, 65535),
    required=True,
    help="Port to listen on; 0: any free port.",
)
host_option = click.option(
    "--host", default="127.0.0.1", show_default=True, help="Address to listen on."
)


@click.command()
@click.argument("model")
@click.option("--version", type=click.IntRange(min=1), required=True, help="Model version.")
@port_option
@host_option
@click.option(
    "--folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The model version's folder; default: downloaded from the registry.",
)
def serve(model: str, *, version: int, port: int, host: str, folder: Path | None) -> None:
    """Serve one version of MODEL until SIGTERM.

    With `--folder`, the registry is not used.
    """
    exit_on_sigterm()
    from slipway.serving.model_server.server import serve as serve_version
    from slipway.serving.server_options import Options

    settings = Settings()
    serve_version(
        model,
        version=version,
        folder=folder or _download(model, version, settings.scratch),
        log_folder=settings.scratch / "log",
        options=Options.of(settings),
        port=port,
        host=host,
    )


def _download(model: str, version: int, scratch: Path) -> Path:
    from slipway import wiring

    target = scratch / "models" / model / str(version)
    return wiring.Container().registry.download(model, version, target)


@click.command()
@click.argument("model")
@click.option("--version", type=click.IntRange(min=1), required=True, help="Model version.")
@click.option(
    "--digest",
    metavar="SHA256",
    help="Digest of the version's manifest: another version under this number is refused.",
)
@click.option(
    "--into",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder to create: complete, with every digest checked, or not at all.",
)
def download(model: str, *, version: int, digest: str | None, folder: Path) -> None:
    """Download the folder of one version of MODEL from the registry.

    A folder that already holds the version is left unchanged.
    """
    exit_on_sigterm()
    from slipway import wiring

    container = wiring.Container()
    if digest is None:
        container.registry.download(model, version, folder)
    else:
        # A pod has no store: its rollout compared the digest with the ledger.
        container.mlflow_registry.download(model, version, folder, sha256=digest)
    click.echo(f"version {version} of {model} is in {folder}")


@click.command()
@click.option(
    "--patience",
    type=NumberRange(min=0),
    default=0.0,
    show_default=True,
    help="Seconds after SIGTERM to wait for servers to end, and for an unavailable store, before "
    "it leaves segments behind.",
)
@click.option(
    "--beside",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder with the log folders of other servers: what one has left that ended is shipped, "
    "too.",
)
@click.option("--once", is_flag=True, help="Ship what there is, within the patience, and end.")
def ship(*, patience: float, beside: Path | None, once: bool) -> None:
    """Ship this machine's prediction log until SIGTERM, and then the rest of it."""
    stop = threading.Event()
    # Set before the imports, so that a SIGTERM during the start still ships the rest.
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    from slipway.serving.prediction_log.shipper import ship as ship_segments

    settings = Settings()
    ship_segments(
        store_root=settings.store,
        log_folder=settings.scratch / "log",
        patience_seconds=patience,
        beside=beside,
        once=once,
        stop=stop,
    )


@click.command()
@click.argument("name")
def token(name: str) -> None:
    """Make a bearer token for the client NAME.

    Prints the token, which is stored nowhere, and its line for the tokens file.
    """
    from slipway.serving.http.tokens import line_of, make_token

    made = make_token()
    click.echo(f"token: {made}")
    click.echo(f"line for SLIPWAY_TOKENS_FILE: {line_of(name, made)}")


@click.command()
@port_option
@host_option
def platform(*, port: int, host: str) -> None:
    """Run the local serving platform until SIGTERM.

    It keeps servers and the shipper alive, and routes requests among the versions.
    """
    from slipway import wiring
    from slipway.serving.platform.platform import run
    from slipway.serving.server_options import Options
    from slipway.stages.rollout.entered_registry import EnteredRegistry

    container = wiring.Container()
    run(
        store=container.store,
        versions=EnteredRegistry(container.mlflow_registry, container.store),
        scratch=container.settings.scratch,
        port=port,
        host=host,
        options=Options.of(container.settings),
    )
