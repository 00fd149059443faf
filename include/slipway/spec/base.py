"""Habits that every spec shares: strict, frozen, nothing unknown."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,62}$")]
"""Lower-case words joined by `_`: it becomes a DAG id, a folder and a URL part."""


class Spec(BaseModel):
    """A part of a spec."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")
