"""Choose and build the platform adapter of a model, by its deployment target.

Adapters are imported when a platform is built, so a process pays only for the targets that its
models use.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from slipway.settings import revealed

if TYPE_CHECKING:
    from pathlib import Path

    from slipway.records.store import Store
    from slipway.settings import Settings
    from slipway.spec import ModelSpec
    from slipway.spec.deployment_targets import TargetName
    from slipway.stages.ports.package import Package
    from slipway.stages.ports.registry import Registry
    from slipway.stages.rollout.platform import Platform


class Tools(Protocol):
    """The tools of an installation that platforms are built from."""

    @property
    def settings(self) -> Settings:
        """Addresses, token and certificates."""

    @property
    def store(self) -> Store:
        """Store of the desired states."""

    @property
    def registry(self) -> Registry:
        """Model versions with their tags."""

    def load_package(self, folder: Path) -> Package:
        """Load a version from its folder, with the keys of personal columns."""


@dataclass(frozen=True)
class PlatformBuilder:
    """Builds the platform adapter of one deployment target.

    Attributes:
        build: Builds it from an installation's tools, for a model.
        is_shared: Whether one adapter serves every model of the target.
    """

    build: Callable[[Tools, ModelSpec], Platform]
    is_shared: bool


def local_platform(tools: Tools, model: ModelSpec) -> Platform:
    """Build the adapter of the platform process on this machine."""
    from slipway.adapters.platforms.local.platform import LocalPlatform
    from slipway.wiring.signing import state_trust_of

    del model
    settings = tools.settings
    return LocalPlatform(
        settings.with_userinfo("platform"),
        tools.store,
        token=revealed(settings.token),
        ca=settings.tls_ca,
        pii_key_file=settings.pii_key_file,
        trusted_keys=settings.trusted_keys,
        keys=state_trust_of(tools),
    )


def cluster_platform(tools: Tools, model: ModelSpec) -> Platform:
    """Build the adapter of a model's servers on Kubernetes; sends no request to the cluster yet.

    Raises:
        BadParameter: Neither a kubeconfig nor a service account leads to a cluster.
    """
    from slipway.adapters.platforms.cluster.api_client import open_cluster
    from slipway.adapters.platforms.cluster.manifests.version import cluster_of
    from slipway.adapters.platforms.cluster.platform import ClusterPlatform
    from slipway.stages.rollout.foreign_versions import entered_tags

    token, registry = tools.settings.token, tools.registry
    return ClusterPlatform(
        model,
        open_cluster(cluster_of(model).namespace),
        tags=lambda version: entered_tags(registry, model.model, version),
        token=token.get_secret_value() if token else None,
        ca=tools.settings.tls_ca,
    )


def batch_platform(tools: Tools, model: ModelSpec) -> Platform:
    """Build the adapter that holds which version scores in batches."""
    from slipway.adapters.platforms.batch.platform import BatchPlatform
    from slipway.wiring.batch_candidate import command
    from slipway.wiring.signing import state_trust_of

    del model
    return BatchPlatform(
        tools.store,
        tools.registry,
        load=tools.load_package,
        command=command,
        trust=state_trust_of(tools),
    )


PLATFORMS: Mapping[TargetName, PlatformBuilder] = {
    "local": PlatformBuilder(local_platform, is_shared=True),
    "kubernetes": PlatformBuilder(cluster_platform, is_shared=False),
    "batch": PlatformBuilder(batch_platform, is_shared=True),
}
"""Builder of every deployment target of `spec/deployment_targets.py`."""


class ModelPlatforms:
    """The platforms of an installation's models, each built when it is first needed."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._built: dict[tuple[str, str], Platform] = {}

    def platform_for(self, model: ModelSpec) -> Platform:
        """Return the platform that serves a model.

        Raises:
            BadParameter: It cannot be built from the settings.
        """
        target = model.deployment.target
        builder = PLATFORMS[target]
        key = target, "" if builder.is_shared else model.model
        if key not in self._built:
            self._built[key] = builder.build(self._tools, model)
        return self._built[key]
