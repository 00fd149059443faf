"""Replace values of personal columns by keyed hashes before a pipeline sees them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from slipway.spec import DatasetSpec, ModelSpec
from slipway.stages.model.personal_keys import KEY_ID, NO_KEYS, Hash, PersonalKeys
from slipway.stages.ports.raw_column import RawColumn


@dataclass(frozen=True)
class HashedColumns:
    """Personal features of one version.

    Attributes:
        by_name: Hash function of each.
        key: Id of the key; None where the version hashes nothing.
        keys: Keys that it is among.
    """

    by_name: Mapping[str, Hash] = field(default_factory=dict)
    key: str | None = None
    keys: PersonalKeys = NO_KEYS

    @property
    def facts(self) -> dict[str, Any]:
        """The entry of a manifest."""
        return {} if self.key is None else {KEY_ID: self.key}

    def columns(self, columns: Sequence[RawColumn]) -> tuple[RawColumn, ...]:
        """Return raw columns as the pipeline has them: a hash is a category of type string."""
        return tuple(
            replace(one, kind="string", type="string") if one.name in self.by_name else one
            for one in columns
        )

    def of(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return cast rows with hashes in place of personal values; equal hashes are one object."""
        if not self.by_name:
            return rows
        # Not by `assign`, which takes no column `self`.
        rows = rows.copy(deep=False)
        for name, hashed in self.by_name.items():
            cells = rows[name].tolist()
            known = {one: hashed(one) for one in set(cells) if one == one}  # noqa: PLR0124 - no NaN
            hashes = [known.get(one, np.nan) for one in cells]
            rows[name] = pd.Series(hashes, rows.index, dtype="object")
        return rows


NOT_HASHED = HashedColumns()


def hashed_by_spec(spec: ModelSpec, dataset: DatasetSpec, keys: PersonalKeys) -> HashedColumns:
    """Return the hashes of a new version.

    Raises:
        BadParameter: A feature is personal, and there is no key.
    """
    declared = dataset.streams.features.columns
    names = [name for name in spec.features.names if declared[name].pii]
    if not names:
        return NOT_HASHED
    key = keys.newest(names)
    return HashedColumns(keys.hashes(names, key=key), key, keys)


def hashed_by_manifest(manifest: Mapping[str, Any], keys: PersonalKeys) -> HashedColumns:
    """Return the hashes of a saved version; one of an older release hashes nothing.

    Raises:
        BadParameter: The key by which it was trained is not there.
    """
    key = manifest.get(KEY_ID)
    if key is None:
        return NOT_HASHED
    return HashedColumns(keys.hashes(manifest["pii"], key=key), key, keys)
