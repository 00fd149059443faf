"""`slipway evidence`: export one version's whole case, and verify such a folder."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from slipway.cli.kept_trial import container_of, kept_option
from slipway.cli.output import json_option, print_json


@click.command()
@click.argument("model", required=False)
@click.argument("version", required=False)
@click.argument("target", metavar="DIR", required=False, type=click.Path(path_type=Path))
@click.option(
    "--verify",
    "folder",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Verify such a folder, in place of an export; needs no installation.",
)
@kept_option
@json_option
def evidence(
    model: str | None,
    version: str | None,
    target: Path | None,
    *,
    folder: Path | None,
    kept: Path | None,
    as_json: bool,
) -> None:
    """Export the whole case of VERSION of MODEL into DIR, a folder that verifies itself.

    It has the ledgers of model and dataset, the records of the training, of the rollouts and of
    the windows of the version, its request with decision and answer, manifest, specs, bills of
    materials, the records and expectation verdicts of the deliveries it learnt from, its model
    card, `SHA256SUMS`, and a README that says how to verify it with `sha256sum -c` alone. It has
    no rows. VERSION is a number or an alias; DIR is new or empty, and nothing is overwritten.

    With `--verify` it checks sums, ledgers up to their heads, records and digests, and says where
    a break is. Exit status 1 when something does not hold.
    """
    if folder is not None:
        if model is not None:
            raise click.UsageError("either MODEL VERSION DIR, or --verify DIR")
        _verify(folder, as_json=as_json)
        return
    if model is None or version is None or target is None:
        raise click.UsageError("needs MODEL VERSION DIR, or --verify DIR")
    from slipway.stages.report.export import find_version
    from slipway.wiring.evidence import export_evidence

    container = container_of(kept)
    found = find_version(container.registry, model, version)
    written = export_evidence(container, found, target)
    if as_json:
        facts = {"model": model, "version": found.version, "folder": str(target)}
        print_json({**facts, "files": sorted(written.files), "missing": written.missing})
        return
    click.echo(
        f"the evidence of version {found.version} of {model} is in {target}: "
        f"{len(written.files)} files"
    )
    for key in written.missing:
        click.secho(f"not in the store: {key}", fg="yellow")
    click.echo(f"verify it: slipway evidence --verify {target}")


def _verify(folder: Path, *, as_json: bool) -> None:
    from slipway.wiring.evidence import verify_evidence

    found = verify_evidence(folder)
    if as_json:
        print_json(asdict(found))
    else:
        state = "broken" if found.breaks else "holds"
        chains = ", ".join(f"{count} entries of {one}" for one, count in found.entries.items())
        click.echo(
            f"version {found.version} of {found.model}: {found.files} files, {chains}: {state}"
        )
        for one in found.breaks:
            click.secho(f"  {one.key} {one.problem}", fg="red")
    if found.breaks:
        raise SystemExit(1)
