"""`slipway render`: the manifests of a model on a cluster, for review and for GitOps."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click
import yaml

from slipway.errors import BadParameter, NotFound, RegistryUnavailable

if TYPE_CHECKING:
    from slipway.stages.ports.registry import Registry

Shares = Mapping[int, float]


@dataclass
class Known:
    """Registry entries of a model; empty offline or while the registry is unavailable.

    Attributes:
        aliases: Versions by alias.
        tags: Tags by version.
    """

    aliases: dict[str, int] = field(default_factory=dict)
    tags: dict[int, Mapping[str, str]] = field(default_factory=dict)


@click.command()
@click.argument("model")
@click.option(
    "--version",
    type=click.IntRange(min=1),
    help="Version that gets the traffic, or the rest after `--share`; default: the champion, "
    "else the challenger.",
)
@click.option(
    "--share",
    "given",
    multiple=True,
    metavar="N=SHARE",
    help="Share of one version, e.g. `3=0.1` for a canary; may be repeated.",
)
@click.option(
    "--keep",
    type=click.IntRange(min=1),
    multiple=True,
    help="Version that stays warm; default without `--version`: `previous`.",
)
@click.option(
    "--offline",
    is_flag=True,
    help="Do not read the registry: sizes are the spec's, not those that `verify` measured.",
)
def render(
    model: str, *, version: int | None, given: Sequence[str], keep: Sequence[int], offline: bool
) -> None:
    """Print the manifests that serve MODEL on Kubernetes, as YAML.

    Apply it with `kubectl apply --server-side --field-manager slipway -f -`.
    """
    from slipway import wiring
    from slipway.adapters.platforms.cluster.manifests.entrypoint import Traffic
    from slipway.adapters.platforms.cluster.manifests.render import render_manifests

    container = wiring.Container()
    spec = container.model(model)
    if spec.deployment.kubernetes is None:
        raise BadParameter(
            f"{model} is not served by a cluster",
            expected="a section `deployment.kubernetes`",
            where=str(container.settings.models_folder / model / "model.yaml"),
        )
    parts = [_share(text) for text in given]
    versions = {*dict(parts), *keep, *([version] if version else [])}
    known = Known() if offline else _read_registry(container.registry, model, versions)
    shares = _whole(dict(parts), version or _serving(known))
    if not version and not keep and "previous" in known.aliases:
        keep = [known.aliases["previous"]]
    warm = tuple(sorted(set(keep) - shares.keys()))
    traffic = Traffic(token=0, shares=shares, keep=warm)
    click.echo(_yaml(render_manifests(spec, traffic, known.tags)), nl=False)


def _read_registry(registry: Registry, model: str, versions: set[int]) -> Known:
    """Read the aliases, and the tags of their versions and of the given ones."""
    from slipway.stages.rollout.foreign_versions import require_known

    known = Known()
    try:
        for alias in ("champion", "previous", "challenger"):
            found = registry.alias(model, alias)
            if found is not None:
                known.aliases[alias] = found.version
                known.tags[found.version] = found.tags
        for version in sorted(versions - known.tags.keys()):
            found = registry.version(model, version)
            # A pod takes the digest in its manifest for the version's.
            require_known(registry, found)
            known.tags[version] = found.tags
    except (RegistryUnavailable, NotFound) as error:
        click.echo(f"sizes are the spec's where none were measured: {error.message}", err=True)
    return known


def _serving(known: Known) -> int | None:
    return known.aliases.get("champion", known.aliases.get("challenger"))


def _share(text: str) -> tuple[int, float]:
    version, _, share = text.partition("=")
    try:
        parsed = int(version), float(share)
    except ValueError:
        parsed = 0, 0.0
    if parsed[0] < 1 or not 0 < parsed[1] <= 1:
        raise BadParameter(
            "a share cannot be read", expected="a version and its share, e.g. 3=0.1", found=text
        )
    return parsed


def _whole(shares: dict[int, float], rest_to: int | None) -> Shares:
    """Complete the shares to a sum of 1: the rest goes to one version."""
    rest = 1 - sum(shares.values())
    if math.isclose(rest, 0, abs_tol=1e-9):
        return shares
    if rest < 0:
        raise BadParameter("the shares are too large", expected="a sum of 1", found=f"{1 - rest:g}")
    if rest_to is None or rest_to in shares:
        raise BadParameter(
            f"no version is known for {'the rest of the traffic' if shares else 'the traffic'}",
            expected="a champion or a challenger in the registry, or --version",
            hint="give --version N",
        )
    return {**shares, rest_to: round(rest, 9)}


def _yaml(objects: Sequence[Mapping[str, Any]]) -> str:
    return yaml.dump_all(objects, Dumper=_Plain, sort_keys=False, explicit_start=True)


class _Plain(yaml.SafeDumper):
    """Writes YAML without anchors and aliases: repeated objects are written out."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True
