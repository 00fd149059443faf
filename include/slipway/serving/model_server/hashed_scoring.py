"""Hash the personal columns of requests before an ONNX form or arrays are scored.

A pipeline that gets frames hashes by itself, as it does in stages.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from slipway.serving.model_server.engine import Scores, Values
from slipway.stages.model.personal_keys import KEY_ID, PersonalKeys
from slipway.stages.ports.raw_column import RawColumn


def hashed_scoring(
    score: Callable[[Sequence[Values]], Scores],
    columns: Sequence[RawColumn],
    manifest: Mapping[str, Any],
    keys: PersonalKeys,
) -> Callable[[Sequence[Values]], Scores]:
    """Return a scoring function of raw values; the same one for a version that hashes nothing.

    Args:
        score: Scores values by column, personal ones as hashes.
        columns: Columns in the order of the values.
        manifest: The version's manifest.
        keys: Keys of personal columns.

    Raises:
        BadParameter: The version's key is not among them.
    """
    key = manifest.get(KEY_ID)
    if key is None:
        return score
    by_name = keys.hashes(manifest["pii"], key=key)
    hashes = [by_name.get(one.name) for one in columns]

    def hashed(values: Sequence[Values]) -> Scores:
        return score(
            [
                column if change is None else list(map(change, column))
                for column, change in zip(values, hashes, strict=True)
            ]
        )

    return hashed
