"""Where labels stand: in a table of their own, or in the rows of the features.

The one definition for every reader of labels: from which table they are read, at which version, and
which rows tell a label. In the features' own rows a missing label is one that is not known yet; in
a table of labels it takes an earlier one back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from slipway.spec import DatasetSpec
    from slipway.stages.ports.tables import Tables


def labels_table(dataset: DatasetSpec) -> str:
    """Return the table that holds a dataset's labels."""
    return f"{dataset.dataset}/{dataset.streams.labels.stands_in or 'labels'}"


def count_labels(tables: Tables, dataset: DatasetSpec, target: str) -> int:
    """Return the number of rows that have a label, from file statistics; 0 without a table."""
    return tables.count(labels_table(dataset), present=target)


def has_target(tables: Tables, dataset: DatasetSpec, target: str, *, version: int) -> bool:
    """Return whether a version of the labels' table has a target's column.

    A table of features that is older than its column of labels has not.
    """
    return target in tables.columns(labels_table(dataset), version=version)


def rows_that_tell(rows: pd.DataFrame, dataset: DatasetSpec, target: str) -> pd.DataFrame:
    """Return the rows that tell something about a target."""
    return rows.dropna(subset=[target]) if dataset.streams.in_one_file else rows
