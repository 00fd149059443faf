"""Specs of a small dataset and model."""

from __future__ import annotations

DATASET = """\
dataset: shop
key: id
event_time: at
streams:
  features:
    columns:
      id: {type: string}
      at: {type: timestamp}
      price: {type: number}
      kind: {type: string}
  labels:
    columns:
      id: {type: string}
      sold: {type: boolean}
"""

EXPECTATIONS = """\
features:
  - expect: expect_column_values_to_be_between
    kwargs: {column: price, min_value: 0}
labels:
  - expect: expect_column_values_to_not_be_null
    severity: warning
    kwargs: {column: sold}
"""

MODEL = """\
model: sales
dataset: shop
task: classification
target: sold
features:
  numeric: [price]
  categorical: [kind]
estimator:
  name: sklearn.linear_model.LogisticRegression
gates:
  metrics:
    roc_auc: {threshold: 0.6}
monitoring:
  performance: {metric: roc_auc, max_absolute_drop: 0.1}
"""

FILES = {
    "datasets/shop/dataset.yaml": DATASET,
    "datasets/shop/expectations.yaml": EXPECTATIONS,
    "models/sales/model.yaml": MODEL,
}
"""Files of a project that holds both, below its `include/`."""
