"""Settings of one installation: addresses, folders and limits, from environment variables.

Read at parse time (the store's root only), in workers, in pods and in servers.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

from pydantic import Field, PrivateAttr, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from slipway.settings.absolute_paths import AbsolutePath, KeyOrAbsolutePath
from slipway.settings.delivery_limits import DeliveryLimits
from slipway.settings.source_settings import SourceSettings
from slipway.settings.userinfo import revealed, split_userinfo

__all__ = [
    "CHECKOUT",
    "DeliveryLimits",
    "Settings",
    "SourceSettings",
    "find_project",
    "revealed",
    "split_userinfo",
]

CHECKOUT = Path(__file__).resolve().parents[3]
"""Folder that the package's own checkout or image has its specs in; a wheel has none there."""


def find_project(start: Path | None = None) -> Path:
    """Return the project of a folder: itself or the nearest one above it that holds specs.

    Without one it is the checkout or image that this package is a part of, or else the folder.

    Args:
        start: Where to begin; None: the working directory.
    """
    try:
        folder = Path.cwd() if start is None else start.resolve()
    except OSError:
        # The working directory was removed.
        return CHECKOUT
    around = (one for one in (folder, *folder.parents, CHECKOUT) if _holds_specs(one))
    return next(around, folder)


def _holds_specs(folder: Path) -> bool:
    include = folder / "include"
    return (include / "datasets").is_dir() or (include / "models").is_dir()


_MATCHER = r'[a-zA-Z_]\w*(=|!=|=~|!~)"([^"\\]|\\.)*"'
_MATCHERS = rf"^({_MATCHER}(, *{_MATCHER})*)?$"
"""Label matchers as PromQL has them."""


def _beside(fields: dict[str, Any], name: str) -> Path:
    """Return the default place of a folder of running installations, in the project."""
    project: Path = fields.get("project", CHECKOUT)
    return project / ".slipway" / name


class Settings(BaseSettings):
    """Settings of one installation, each a `SLIPWAY_…` variable."""

    model_config = SettingsConfigDict(env_prefix="SLIPWAY_", frozen=True, extra="ignore")

    project: AbsolutePath = Field(
        default_factory=find_project,
        description="Folder that holds `include/datasets` and `include/models`; by default the "
        "working directory, or the nearest such folder above it.",
    )
    store: str = Field(
        default_factory=lambda fields: str(_beside(fields, "store")),
        description="Root of the store: a folder, or `s3://bucket/prefix`.",
    )
    scratch: AbsolutePath = Field(
        default_factory=lambda fields: _beside(fields, "scratch"),
        description="Local folder for write-ahead segments and downloaded model versions.",
    )
    mlflow: str = Field(
        default="http://127.0.0.1:5000",
        description="Address of the MLflow server.",
    )
    mlflow_user: str = Field(
        default="", description="User of the MLflow server, where it has authentication."
    )
    mlflow_password: SecretStr | None = Field(default=None, description="Password of that user.")
    mlflow_token: SecretStr | None = Field(
        default=None, description="Bearer token for MLflow, where a proxy in front requires one."
    )
    platform: str = Field(
        default="http://127.0.0.1:8600",
        description="Address of the local serving platform, for prediction requests.",
    )

    prometheus_url: str = Field(
        default="",
        description="Address of the Prometheus that scrapes the servers, for "
        "`monitoring.operations`; without it no operations are measured. A user and password in "
        "an address are sent, and shown nowhere.",
    )
    prometheus_token: SecretStr | None = Field(
        default=None, description="Bearer token for Prometheus."
    )
    prometheus_matchers: str = Field(
        default="",
        pattern=_MATCHERS,
        description="Label matchers of every query, where one Prometheus scrapes several "
        'installations: `namespace="slipway-production"`, several with commas.',
    )

    study_db: SecretStr | None = Field(
        default=None,
        description="Database of the studies of searches, as SQLAlchemy writes its address; by "
        "default a SQLite file per model below the scratch folder. The store keeps every finished "
        "trial, so a retry needs neither.",
    )

    git_commit: str = Field(
        default="",
        description="Commit of the code, for an image without git; empty: read from git.",
    )

    umask: str = Field(
        default="077",
        pattern=r"^0?[0-7]{3}$",
        description="Mask of the rights of new files and folders, octal: by default only their "
        "owner can read them; `007` where users of one group share a store. A stricter mask of the "
        "shell stays.",
    )

    log_roll_seconds: float = Field(
        default=60.0,
        gt=0,
        description="Duration of one segment of the prediction log; each becomes a file in the "
        "store.",
    )
    log_fsync: bool = Field(
        default=False,
        description="Whether each response waits until its log record is flushed to disk: survives "
        "a power cut, and costs most of the speed.",
    )
    log_min_free_mib: int = Field(
        default=256,
        ge=0,
        description="With less free space on the scratch folder's disk, servers refuse requests, "
        "which they might not be able to log (503).",
    )
    pii_key_file: AbsolutePath | None = Field(
        default=None,
        description="File with the secret keys of personal columns, one on each line, of at least "
        "16 bytes; the last one is the newest. Servers and stages need the key of each version "
        "that they load.",
    )
    pii_keys: SecretStr | None = Field(
        default=None,
        description="These keys themselves, for pods whose spec names no `pii_key_secret`.",
    )

    max_body_mib: int = Field(default=16, ge=1, description="Largest request body (else 413).")
    max_rows: int = Field(default=20_000, ge=1, description="Most rows in a request (else 413).")
    explain_rows: int = Field(
        default=32, ge=1, description="Most rows in a request with `explain` (else 413)."
    )
    explain_seconds: float = Field(
        default=2.0,
        gt=0,
        description="Longest time of an explanation, with the wait for earlier ones (else 429).",
    )
    request_seconds: float = Field(
        default=30.0,
        gt=0,
        description="Longest time for a request to arrive (else 408).",
    )
    max_connections: int = Field(
        default=900,
        ge=1,
        description="Most connections of a server. One more closes the one that has waited longest "
        "for its client, of the address that holds most (else 503); 32 further ones are kept for "
        "health and metrics.",
    )
    max_connections_per_address: int = Field(
        default=600,
        ge=1,
        description="Most connections of one address (of IPv6, of one /64), likewise; behind a "
        "load balancer all clients share its address.",
    )
    max_held_mib: int = Field(
        default=256,
        ge=1,
        description="Most bytes of all request bodies that arrive or wait for the model at a time; "
        "above it the oldest incomplete ones are refused (503).",
    )

    allowed_hosts: str = Field(
        default="",
        description="Host names under which servers and platform answer, with commas (else 421), "
        "such as `models.example.com,*.internal`; addresses and `localhost` always are. Without "
        "it, a server on loopback has no other names, and one beyond it any.",
    )

    tokens_file: AbsolutePath | None = Field(
        default=None,
        description="Clients that may send requests: a line each, with name and SHA-256 of the "
        "bearer token (`slipway token NAME` makes one). Read again when it changes. Without it, "
        "no token is required.",
    )
    token: SecretStr | None = Field(
        default=None, description="Bearer token that stages send to the platform."
    )
    signing_key: KeyOrAbsolutePath | None = Field(
        default=None,
        description="Private key that signs the versions that are promoted or brought, and the "
        "desired states of rollouts: path of a PEM file without a password, the PEM itself, or "
        "`kms://` with the id, ARN or alias of a key of AWS KMS. Set it only where "
        "`promote_challenger`, the stages of rollouts, `slipway bring` and `slipway sign` run. "
        "`slipway keys new` makes a pair.",
    )
    trusted_keys: AbsolutePath | None = Field(
        default=None,
        description="PEM file with public keys, or a folder of such files: a model version is "
        "used, and a desired state followed, only if one of them signed it. Read again at each "
        "use. Without it, no signature is required.",
    )
    tls_certificate: AbsolutePath | None = Field(
        default=None,
        description="PEM file with the certificate (chain) of servers.",
    )
    tls_key: AbsolutePath | None = Field(default=None, description="PEM file with its private key.")
    tls_ca: AbsolutePath | None = Field(
        default=None,
        description="PEM file with the authority that stages trust.",
    )

    _userinfo: dict[str, SecretStr] = PrivateAttr(default_factory=dict)

    @field_validator("mlflow", "platform", "prometheus_url")
    @classmethod
    def _split_without_doubt(cls, address: str) -> str:
        split_userinfo(address)
        return address

    @field_validator("store")
    @classmethod
    def _refuse_userinfo(cls, store: str) -> str:
        if split_userinfo(store)[1]:
            raise ValueError("an address without user and password, which AWS_… variables hold")
        return store

    def model_post_init(self, context: Any, /) -> None:
        """Keep user and password of addresses apart, so that no address shows them."""
        super().model_post_init(context)
        for name in ("mlflow", "platform", "prometheus_url"):
            address, userinfo = split_userinfo(getattr(self, name))
            if userinfo:
                self.__dict__[name] = address
                self._userinfo[name] = SecretStr(userinfo)
        if self.mlflow_user:
            password = revealed(self.mlflow_password) or ""
            userinfo = f"{quote(self.mlflow_user, safe='')}:{quote(password, safe='')}"
            self._userinfo["mlflow"] = SecretStr(userinfo)

    def with_userinfo(self, name: str) -> str:
        """Return an address with its user and password, for the client that sends them.

        Args:
            name: Name of the setting.
        """
        address = str(getattr(self, name))
        if name not in self._userinfo:
            return address
        scheme, mark, rest = address.partition("://")
        return f"{scheme}{mark}{self._userinfo[name].get_secret_value()}@{rest}"

    @property
    def datasets_folder(self) -> Path:
        """Folder of dataset specs."""
        return self.project / "include" / "datasets"

    @property
    def models_folder(self) -> Path:
        """Folder of model specs."""
        return self.project / "include" / "models"
