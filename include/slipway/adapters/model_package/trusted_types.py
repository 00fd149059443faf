"""Types that skops may build from a model file: the estimators' own, and those of `pipeline.py`."""

from __future__ import annotations

from collections.abc import Sequence

from slipway.adapters.model_package.calibrated import TRUSTED_TYPES
from slipway.spec.encodings import ENCODINGS
from slipway.spec.estimators import ESTIMATORS

TRUSTED = frozenset(
    {
        "numpy.dtype",
        *TRUSTED_TYPES,
        *(name for row in ESTIMATORS.values() for name in row.trusted_types),
        *(name for row in ENCODINGS.values() for name in row.trusted_types),
    }
)
"""Types that skops may build beside its safe ones; a `pipeline.py` adds its own classes."""


def untrusted(names: Sequence[str], *, own_module: str | None) -> list[str]:
    """Return the type names that may not be built from a model file."""
    own = "" if own_module is None else f"{own_module}."
    return sorted(
        name for name in names if name not in TRUSTED and not (own and name.startswith(own))
    )
