"""Base of all specs: strict, frozen, without unknown fields; and names."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,62}$")]
"""Lower-case words joined by `_`: it becomes a DAG id, a folder and a URL part."""

TEXT, SEVERAL = "<text>", "<several>"
FORMS = frozenset({TEXT, SEVERAL})
"""Names of the forms of a field that may be a text, or a list or a mapping; no field has them."""


class Spec(BaseModel):
    """A part of a spec."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class SpecConflict(ValueError):
    """A conflict between fields of a spec.

    Args:
        message: What does not fit.
        field: Path of the field to report, below the validated part.
        hint: What to try next.
    """

    def __init__(
        self, message: str, *, field: tuple[str | int, ...] = (), hint: str | None = None
    ) -> None:
        super().__init__(message)
        self.field = field
        self.hint = hint
