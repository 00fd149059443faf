"""Estimate the memory of a fit before it begins, and refuse one that cannot end."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from slipway.errors import OutOfMemory
from slipway.spec.wide_columns import GROUP_THEM, describe_wide

log = logging.getLogger(__name__)

MIB = 2**20
NUMBER_BYTES = 8
UNLIMITED = 2**60
"""From here on a limit of a control group means that there is none."""


@dataclass(frozen=True)
class FitMemory:
    """Size of a fit.

    Attributes:
        rows: Number of training rows.
        features: Number of raw columns, of which a category is one.
        width: Number of prepared features, of which each category is one.
        cell_bytes: Bytes of a prepared feature: 4 in single precision, 8 in doubles.
        fit_bytes: Bytes that the estimator takes for each prepared feature of a row.
        wide: One-hot encoded columns with very many categories, and how many each has.
    """

    rows: int
    features: int
    width: int
    cell_bytes: int
    fit_bytes: int
    wide: Mapping[str, int] = field(default_factory=dict)

    @property
    def mib(self) -> int:
        """Mebibytes that a fit takes beside the rows that were read.

        rows x (8 x features + (cell_bytes + fit_bytes) x width): the cast columns, the matrix of
        prepared features, and the estimator's own arrays. Texts are counted as one pointer each,
        since equal ones are one object; the fitted trees are not counted.
        """
        row = NUMBER_BYTES * self.features + (self.cell_bytes + self.fit_bytes) * self.width
        return -(-self.rows * row // MIB)


def require_memory(fit: FitMemory, *, model: str, available_mib: int | None) -> None:
    """Log what a fit takes, and raise unless there is so much memory.

    Args:
        fit: Its size. The cast columns are there already, so they are not asked for again.
        model: Name of the model.
        available_mib: From `available_mib`; None where it is not known.

    Raises:
        OutOfMemory: There is less.
    """
    there = fit.rows * NUMBER_BYTES * fit.features // MIB
    size = f"{fit.rows:,} rows of {fit.width:,} prepared features"
    known = "unknown" if available_mib is None else f"{available_mib:,} MiB"
    log.info("fitting %s on %s takes about %s MiB; available: %s", model, size, fit.mib, known)
    wide = describe_wide(fit.wide)
    if wide:
        log.warning("%s, each of them a prepared feature; %s", wide, GROUP_THEM)
    if available_mib is not None and fit.mib - there > available_mib:
        raise OutOfMemory(
            f"{model} cannot be fitted in the memory that is available",
            expected=f"about {fit.mib - there:,} MiB for {size}",
            found=f"{available_mib:,} MiB",
            where=f"training of {model}",
            hint=(f"{wide}: {GROUP_THEM}; or " if wide else "")
            + "give training more memory, shorten `training.window_days` in model.yaml, or "
            "leave out categorical columns with many categories",
        )


def available_mib(root: Path = Path("/")) -> int | None:
    """Return the mebibytes that this process can still take; None where Linux does not tell.

    The machine's own figure counts, and the limit of the control group where it is lower.

    Args:
        root: Root of the file systems `proc` and `sys`.
    """
    found = [_of_machine(root / "proc/meminfo"), *_of_groups(root / "sys/fs/cgroup")]
    known = [size for size in found if size is not None]
    return min(known) // MIB if known else None


def _of_machine(meminfo: Path) -> int | None:
    for line in _lines(meminfo):
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


def _of_groups(groups: Path) -> list[int | None]:
    second = _left(groups, "memory.max", "memory.current", "inactive_file")
    first = _left(
        groups / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"
    )
    return [second, first]


def _left(group: Path, limit: str, usage: str, reclaimable: str) -> int | None:
    """Bytes below a control group's limit; pages of files that are not in use count as free."""
    most, used = _number(group / limit), _number(group / usage)
    if most is None or used is None or most >= UNLIMITED:
        return None
    stat = dict(line.split() for line in _lines(group / "memory.stat"))
    return max(0, most - used + int(stat.get(reclaimable, 0)))


def _number(path: Path) -> int | None:
    text = "".join(_lines(path)).strip()
    return int(text) if text.isdigit() else None


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []
