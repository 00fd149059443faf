"""`slipway card`: print or write the model card of a version."""

from __future__ import annotations

from pathlib import Path

import click

from slipway.cli.kept_trial import container_of, kept_option
from slipway.stages.model.aliases import CHAMPION


@click.command()
@click.argument("model")
@click.argument("version", default=CHAMPION)
@click.option("--html", "as_html", is_flag=True, help="HTML in place of Markdown.")
@click.option(
    "--to",
    "target",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to write; default: standard output.",
)
@kept_option
def card(
    model: str, version: str, *, as_html: bool, target: Path | None, kept: Path | None
) -> None:
    """Print the model card of VERSION of MODEL: data, features, metrics, limits, lineage.

    VERSION is a number or an alias; without it the card is that of the champion. Every line is from
    records: run records, tags, manifest and ledger; what they do not have is said to be not
    measured or not recorded. The card that was made when the version was registered is in its
    MLflow run, as `model_card.md` and `model_card.html`; this one has what came later, too.
    """
    from slipway.stages.card.card import HTML, MARKDOWN, card_files
    from slipway.stages.report.damage import find_beside_damage
    from slipway.wiring.pictures import drawing
    from slipway.wiring.version_case import read_whole_case

    container, draw = container_of(kept), drawing() if as_html else None
    store, registry = container.store, container.registry
    found, damage = find_beside_damage(model, version, store=store, registry=registry)
    if damage is not None:
        click.secho(damage, fg="red", err=True)
    data = card_files(read_whole_case(container, found), draw)[HTML if as_html else MARKDOWN]
    if target is None:
        click.echo(data.decode(), nl=False)
        return
    target.write_bytes(data)
    click.echo(f"the card of version {found.version} of {model} is in {target}")
