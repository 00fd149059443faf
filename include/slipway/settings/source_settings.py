"""Settings of the environment that a version is brought from, from environment variables."""

from __future__ import annotations

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class SourceSettings(BaseSettings):
    """Source environment of `slipway bring`, each a `SLIPWAY_FROM_…` variable."""

    model_config = SettingsConfigDict(env_prefix="SLIPWAY_FROM_", frozen=True, extra="ignore")

    mlflow: str = Field(
        default="", description="Address of the source's MLflow server, as `--from-mlflow`."
    )
    name: str = Field(default="", description="Name of the source in records, as `--from-name`.")
    store: str = Field(default="", description="Root of the source's store, as `--from-store`.")
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
        default="", description="Region of the source's bucket; empty: `AWS_REGION`."
    )
    aws_endpoint_url: str = Field(
        default="", description="Address of the source's S3; empty: `AWS_ENDPOINT_URL`."
    )
