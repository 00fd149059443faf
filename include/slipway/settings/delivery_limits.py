"""Limits of one delivery, from environment variables."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class DeliveryLimits(BaseSettings):
    """Limits of one delivery, each a `SLIPWAY_DELIVERY_…` variable."""

    model_config = SettingsConfigDict(env_prefix="SLIPWAY_DELIVERY_", frozen=True, extra="ignore")

    max_mib: int = Field(
        default=10_240, ge=1, description="Largest delivery, as it lies in the landing area."
    )
    max_unpacked_mib: int = Field(
        default=20_480,
        ge=1,
        description="Most bytes of a delivery once it is decompressed and decoded, of Parquet only "
        "in the declared columns.",
    )
    max_rows: int = Field(
        default=100_000_000,
        ge=1,
        description="Most rows of a delivery, lines that are no rows included.",
    )
    max_columns: int = Field(
        default=10_000, ge=1, description="Most columns of a delivery, undeclared ones included."
    )
    max_row_mib: int = Field(
        default=8, ge=1, description="Longest row of CSV and JSON Lines, and longest Parquet cell."
    )
    max_pages_mib: int = Field(
        default=256,
        ge=1,
        description="Memory that the pages of a Parquet file may need which are read at the same "
        "time; 4 MiB more for each declared column.",
    )
    link_folders: str = Field(
        default="",
        description="Folders outside a local landing area to which links in it may lead, with `:` "
        "between them; a link that leads elsewhere is reported and not followed. The landing area "
        "may be a link itself.",
    )
