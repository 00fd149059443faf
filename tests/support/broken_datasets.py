"""One project per kind of mistake in a dataset or its expectations, with the author's message."""

from __future__ import annotations

from tests.support.small_specs import DATASET
from tests.support.spec_edits import (
    DATASET_FILE,
    EXPECTATIONS_FILE,
    broken_dataset,
    broken_expectations,
)

BROKEN_DATASETS: dict[str, tuple[dict[str, str], str]] = {
    "key that is no column": (
        broken_dataset("key: id", "key: no"),
        f"{DATASET_FILE}:2: key: key 'no' must be a column of both streams",
    ),
    "event time that is no timestamp": (
        broken_dataset("event_time: at", "event_time: price"),
        f"{DATASET_FILE}:3: event_time: event_time 'price' must be a timestamp",
    ),
    "column of both streams": (
        broken_dataset("      sold:", "      kind: {type: string}\n      sold:"),
        f"{DATASET_FILE}:14: streams.labels.columns.kind: is a column of both streams",
    ),
    "labels without a label": (
        {
            **broken_dataset("      sold: {type: boolean}\n", ""),
            "datasets/shop/expectations.yaml": "features: []\n",
        },
        f"{DATASET_FILE}:12: streams.labels.columns: holds nothing but the key",
    ),
    "reserved column": (
        broken_dataset("      sold:", "      _batch: {type: string}\n      sold:"),
        "streams.labels.columns._batch: is the name of a column of Slipway's own",
    ),
    "columns that differ only in case": (
        broken_dataset("      kind:", "      Price: {type: number}\n      kind:"),
        (
            f"{DATASET_FILE}:10: streams.features.columns.Price: 'Price' differs from 'price' "
            "\\(line 9\\) only in case\n  hint: rename one of them"
        ),
    ),
    "column without a visible name": (
        broken_dataset("      kind:", '      " ": {type: number}\n      kind:'),
        f"{DATASET_FILE}:10: streams.features.columns. : a column needs a name that can be seen",
    ),
    "key of the other stream's spelling": (
        broken_dataset("  labels:\n    columns:\n      id:", "  labels:\n    columns:\n      ID:"),
        f"{DATASET_FILE}:2: key: key 'id' must be .*\n  hint: one of them has 'ID' instead",
    ),
    "key of another type in each stream": (
        broken_dataset(
            "  labels:\n    columns:\n      id: {type: string}",
            "  labels:\n    columns:\n      id: {type: integer}",
        ),
        (
            f"{DATASET_FILE}:13: streams.labels.columns.id.type: the key 'id' is of type integer "
            "here and of type string in features\n  hint: declare one type in both streams"
        ),
    ),
    "key that is a number": (
        broken_dataset(
            "  labels:\n    columns:\n      id: {type: string}",
            "  labels:\n    columns:\n      id: {type: number}",
        ),
        (
            f"{DATASET_FILE}:13: streams.labels.columns.id.type: the key 'id' is of type number, "
            "which identifies no row\n  hint: declare it `type: integer` or `type: string` in both"
        ),
    ),
    "truth value as a mark of missing values": (
        {"datasets/shop/dataset.yaml": f"{DATASET}csv:\n  missing: ['?', '0']\n"},
        f"{DATASET_FILE}:16: csv.missing.1: '0' is a truth value of 'sold', of type boolean",
    ),
    "expectations in the wrong file": (
        {"datasets/shop/dataset.yaml": f"{DATASET}expectations: {{}}\n"},
        f"{DATASET_FILE}:15: expectations: does not belong here\n  hint: move it to",
    ),
    "expectation on an unknown column": (
        broken_expectations("column: price", "column: prise"),
        f"{EXPECTATIONS_FILE}:3: features.0.kwargs.column: given 'prise', .*mean 'price'",
    ),
    "expectation of the other stream's column": (
        broken_expectations("column: sold", "column: kind"),
        f"{EXPECTATIONS_FILE}:7: labels.0.kwargs.column: given 'kind', which is no column",
    ),
    "unknown severity": (
        broken_expectations("severity: warning", "severity: warn"),
        f"{EXPECTATIONS_FILE}:6: labels.0.severity: given 'warn'; allowed: critical, warning; ",
    ),
    "expectations of no stream": (
        broken_expectations("features:", "feature:"),
        f"{EXPECTATIONS_FILE}:1: feature: given 'feature'; .*did you mean 'features'",
    ),
    "empty expectations": (
        {"datasets/shop/expectations.yaml": ""},
        f"{EXPECTATIONS_FILE}: is empty",
    ),
}
"""By kind: the files that are written differently, and a pattern of the one message."""
