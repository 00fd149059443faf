"""Deliveries beyond the limits of an installation: blocked, and read again under other limits."""

from __future__ import annotations

from slipway.errors import OverLimit
from slipway.records.landing_area import Delivery
from slipway.records.scratch_folder import megabytes
from slipway.records.store import digest, encode
from slipway.settings import DeliveryLimits

MIB = 2**20


def limits_mark(limits: DeliveryLimits) -> str:
    """Return eight hex digits that change whenever a limit does."""
    return digest(encode(limits.model_dump(exclude={"link_folders"})))[:8]


def over_limit(limits: DeliveryLimits, field: str, *, what: str, found: str) -> OverLimit:
    """Return the error of a delivery that exceeds a limit.

    Args:
        limits: Limits.
        field: Name of the limit that is exceeded.
        what: What is limited, to be read after the number: `rows`, `MiB in a cell`.
        found: What is there instead.
    """
    setting = f"{limits.model_config['env_prefix']}{field.upper()}"
    return OverLimit(
        "the delivery exceeds a limit of this installation",
        expected=f"at most {getattr(limits, field):,} {what} ({setting})",
        found=found,
        hint=f"deliver it in parts, or raise {setting}",
    )


def refuse_large(delivery: Delivery, limits: DeliveryLimits) -> None:
    """Raise if a delivery is too large to be fetched.

    Raises:
        OverLimit: It is.
    """
    if delivery.size > limits.max_mib * MIB:
        raise over_limit(limits, "max_mib", what="MiB", found=megabytes(delivery.size))
