"""Where things are on this machine: read once from the environment, then passed on.

Specs say what a model is; settings say where this installation keeps it.
Read at parse time (the store's root only), in workers, in pods and in servers.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
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

    @property
    def datasets_folder(self) -> Path:
        """Folder of dataset specs."""
        return self.project / "include" / "datasets"

    @property
    def models_folder(self) -> Path:
        """Folder of model specs."""
        return self.project / "include" / "models"
