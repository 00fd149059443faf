"""The context of a run: the store that it writes to, and its origin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from slipway.records.store import Store


@dataclass(frozen=True)
class RunContext:
    """The context of a run.

    Attributes:
        store: Store of the installation.
        origin: DAG, run, task, try, host and person, as run records and the ledger keep them.
    """

    store: Store
    origin: Mapping[str, Any]
