"""Bringing, wired: a version of another environment becomes the challenger of this one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from slipway.errors import BadParameter

if TYPE_CHECKING:
    from slipway.records.runs import RunRecord, Verdict


def bring(
    model: str,
    *,
    which: str,
    mlflow: str,
    store: str,
    replace: bool,
    origin: Mapping[str, Any],
) -> RunRecord | Verdict:
    """What became of the version that was asked for."""
    del which, mlflow, store, replace, origin
    raise BadParameter(f"{model} cannot be brought from another environment yet")
