"""Wire the import of a version from another environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from slipway.errors import BadParameter
from slipway.records.run_context import RunContext
from slipway.settings import SourceSettings, revealed
from slipway.wiring.container import Container

if TYPE_CHECKING:
    from slipway.adapters.object_store.access import S3Access
    from slipway.records.run_records import RunRecord
    from slipway.records.verdicts import Verdict
    from slipway.stages.import_version.environments import SourceEnvironment, TargetEnvironment
    from slipway.stages.ports.signatures import Verifier


def bring(
    model: str,
    *,
    which: str,
    mlflow: str,
    store: str,
    replace: bool,
    without_champion: bool = False,
    name: str | None = None,
    origin: Mapping[str, Any],
    container: Container | None = None,
    secrets: SourceSettings | None = None,
) -> RunRecord | Verdict:
    """Import a version from another environment.

    Args:
        model: Name of the model, in both environments.
        which: Version at the source: its number, or an alias.
        mlflow: Address of the source's MLflow server.
        store: Root of the source's store.
        name: Name of the source in records; None: its MLflow server's address.
        replace: Whether it may replace another challenger that waits here.
        without_champion: Whether the gates may leave a champion out that MLflow here lost.
        origin: Origin of the import: user, host and run.
        container: Adapters of this environment; None: made from environment variables.
        secrets: Credentials for the source; None: read from environment variables.

    Raises:
        BadParameter: The source is this environment.
        NotFound: There is no such version, or no such store.
        SlipwayError: See `stages.import_version.import_version`.
    """
    from slipway.stages.import_version import import_version
    from slipway.stages.report.export import find_version

    own = container or Container()
    spec = own.model(model)
    held = secrets or SourceSettings()
    source = _source(
        mlflow, store, name=name or _address(mlflow), secrets=held, verifier=own.verifier
    )
    is_same = _address(mlflow) == _address(own.settings.mlflow)
    if is_same or source.store.root == own.store.root:
        raise BadParameter(
            "source and target environment are the same",
            expected="the MLflow server and the store of another one",
            found=f"{_address(mlflow)} and {source.store.root}",
            hint="SLIPWAY_MLFLOW and SLIPWAY_STORE are the addresses of the target",
        )
    return import_version.import_version(
        spec,
        own.dataset(spec.dataset),
        version=find_version(source.registry, model, which),
        source=source,
        target=_target(own),
        context=RunContext(own.store, origin),
        replace=replace,
        without_champion=without_champion,
    )


def _address(mlflow: str) -> str:
    """Address of an MLflow server, without a password."""
    from slipway.adapters.mlflow_server import MlflowRegistry

    return MlflowRegistry(mlflow).address


def _source(
    mlflow: str, store: str, *, name: str, secrets: SourceSettings, verifier: Verifier | None
) -> SourceEnvironment:
    from slipway.adapters.mlflow_server import MlflowRegistry, MlflowRuns
    from slipway.adapters.object_store import open_store
    from slipway.stages.import_version.environments import SourceEnvironment

    token = revealed(secrets.mlflow_token)
    return SourceEnvironment(
        name=name,
        registry=MlflowRegistry(mlflow, token=token, verifier=verifier),
        runs=MlflowRuns(mlflow, token=token),
        store=open_store(store, access=_access(secrets), may_make=False),
    )


def _access(secrets: SourceSettings) -> S3Access:
    from slipway.adapters.object_store.access import S3Access

    return S3Access(
        key_id=secrets.aws_access_key_id,
        secret=revealed(secrets.aws_secret_access_key) or "",
        session=revealed(secrets.aws_session_token),
        region=secrets.aws_region,
        endpoint=secrets.aws_endpoint_url,
    )


def _target(container: Container) -> TargetEnvironment:
    from slipway.stages.import_version.environments import TargetEnvironment
    from slipway.stages.import_version.regate import RegateTools
    from slipway.wiring.gate_tools import gate_tools
    from slipway.wiring.mlflow import open_runs

    return TargetEnvironment(
        registry=container.registry,
        tracking=container.tracking,
        runs=open_runs(container.settings),
        regate=RegateTools(
            container.registry, container.tables, container.load_package, gate_tools()
        ),
        signing=container.signing,
    )
