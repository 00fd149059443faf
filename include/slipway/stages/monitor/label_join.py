"""Join logged predictions with the labels that arrived later, by key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slipway.stages.model.labelled_rows import AVAILABLE_AT

if TYPE_CHECKING:
    import pandas as pd

    from slipway.spec import DatasetSpec
    from slipway.stages.ports.tables import Tables


def read_labels(
    tables: Tables, dataset: DatasetSpec, target: str, *, version: int | None
) -> pd.Series:
    """Labels as numbers, by key as text; of a key labelled twice the newest label."""
    import pandas as pd

    if version is None:
        return pd.Series([], index=pd.Index([], dtype="str"), dtype="float64")
    columns = [dataset.key, target, AVAILABLE_AT]
    rows = tables.read(f"{dataset.dataset}/labels", version=version, columns=columns)
    rows = rows.dropna(subset=[dataset.key, target]).sort_values(AVAILABLE_AT, kind="stable")
    rows = rows.drop_duplicates(dataset.key, keep="last")
    return rows.set_index(rows[dataset.key].astype(str))[target].astype("float64")


def join_labels(rows: pd.DataFrame, labels: pd.Series) -> tuple[int, pd.DataFrame]:
    """Number of predicted keys, and score and label of those that have a label.

    A key that was predicted more than once counts once, with its newest prediction.
    """
    newest = rows.dropna(subset=["key"]).sort_values("received_at", kind="stable")
    newest = newest.assign(key=newest["key"].astype(str)).drop_duplicates("key", keep="last")
    joined = newest.assign(label=newest["key"].map(labels))
    return len(newest), joined.dropna(subset=["label"])[["score", "label"]]
