"""Where things are on this machine: read once from the environment, then passed on.

Specs say what a model is; settings say where this installation keeps it.
Read at parse time (the store's root only), in workers, in pods and in servers.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

PROJECT = Path(__file__).resolve().parents[2]


class Settings(BaseSettings):
    """One installation's addresses and folders, each a `SLIPWAY_…` variable."""

    model_config = SettingsConfigDict(env_prefix="SLIPWAY_", frozen=True, extra="ignore")

    project: Path = Field(
        default=PROJECT,
        description="Folder that holds `include/datasets` and `include/models`.",
    )
    store: str = Field(
        default=str(PROJECT / ".slipway" / "store"),
        description="Root of the store: a folder, or `s3://bucket/prefix`.",
    )
    scratch: Path = Field(
        default=PROJECT / ".slipway" / "scratch",
        description="Local folder for write-ahead segments and downloaded model versions.",
    )
    mlflow: str = Field(
        default="http://127.0.0.1:5000",
        description="MLflow tracking server and registry, over HTTP.",
    )
    platform: str = Field(
        default="http://127.0.0.1:8600",
        description="The local serving platform's address; clients ask models here.",
    )

    git_commit: str = Field(
        default="",
        description="Commit of the code, for an image without git; empty: git is asked.",
    )

    log_roll_seconds: float = Field(
        default=60.0,
        gt=0,
        description="How long a server keeps one segment of the prediction log: each becomes a "
        "file in the store.",
    )
    log_fsync: bool = Field(
        default=False,
        description="Whether each answer waits until its log record is on the disk: survives a "
        "power cut, and costs most of the speed.",
    )
    log_min_free_mib: int = Field(
        default=256,
        ge=0,
        description="With less free on the scratch folder's disk servers refuse (503) rather than "
        "answer what they may not be able to log.",
    )
    pii_key_file: Path | None = Field(
        default=None,
        description="File with the secret key of hashed personal columns; at least 16 bytes.",
    )

    max_body_mib: int = Field(default=16, ge=1, description="A larger request is refused (413).")
    max_rows: int = Field(default=20_000, ge=1, description="So is one with more rows.")
    request_seconds: float = Field(
        default=30.0, gt=0, description="A request that takes longer to arrive is refused (408)."
    )

    tokens_file: Path | None = Field(
        default=None,
        description="Who may ask: a line per client, its name and the SHA-256 of its bearer token "
        "(`slipway token NAME` makes one). Read again when it changes. Without it anybody may.",
    )
    token: SecretStr | None = Field(
        default=None, description="The bearer token with which stages ask the platform."
    )
    tls_certificate: Path | None = Field(
        default=None, description="PEM file: servers speak TLS with this certificate (chain)."
    )
    tls_key: Path | None = Field(default=None, description="PEM file: its private key.")
    tls_ca: Path | None = Field(
        default=None, description="PEM file: whom stages trust when the platform speaks TLS."
    )

    @property
    def datasets_folder(self) -> Path:
        """Folder of dataset specs."""
        return self.project / "include" / "datasets"

    @property
    def models_folder(self) -> Path:
        """Folder of model specs."""
        return self.project / "include" / "models"


class SourceSettings(BaseSettings):
    """Where `slipway bring` copies a version from, each a `SLIPWAY_FROM_…` variable."""

    model_config = SettingsConfigDict(env_prefix="SLIPWAY_FROM_", frozen=True, extra="ignore")

    mlflow: str = Field(
        default="", description="The source environment's MLflow server, as `--from-mlflow`."
    )
    name: str = Field(default="", description="What records call the source, as `--from-name`.")
    store: str = Field(
        default="", description="The root of the source environment's store, as `--from-store`."
    )
    mlflow_token: SecretStr | None = Field(
        default=None, description="Bearer token for the source's MLflow server."
    )
    aws_access_key_id: str = Field(
        default="",
        description="Key for the source's bucket; without it the `AWS_…` credentials are used.",
    )
    aws_secret_access_key: SecretStr | None = Field(default=None, description="Its secret.")
    aws_session_token: SecretStr | None = Field(
        default=None, description="Its session token, where it is a temporary one."
    )
    aws_region: str = Field(
        default="", description="Region of the source's bucket, where it is another one."
    )
    aws_endpoint_url: str = Field(
        default="", description="Address of the source's S3, where it is another one."
    )
