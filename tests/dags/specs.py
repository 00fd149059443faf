"""Small specs, as files of a project."""

from __future__ import annotations

from slipway.spec import DatasetSpec, ModelSpec

DATASET = """\
dataset: {name}
key: id
event_time: at
streams:
  features:
    columns:
      id: {{type: string, nullable: false}}
      at: {{type: timestamp, nullable: false}}
      distance: {{type: number}}
  labels:
    columns:
      id: {{type: string, nullable: false}}
      late: {{type: integer}}
"""

WITHOUT_KEY = """\
dataset: {name}
key: row
event_time: arrival
streams:
  features:
    columns:
      distance: {{type: number}}
      port: {{type: string}}
  labels:
    from: features
    columns:
      late: {{type: integer}}
"""

MODEL = """\
model: {name}
owner: data-team
dataset: {dataset}
task: classification
target: late
features: {{numeric: [distance]}}
estimator: {{name: sklearn.linear_model.LogisticRegression}}
gates: {{metrics: {{roc_auc: {{threshold: 0.6}}}}}}
monitoring: {{performance: {{metric: roc_auc, max_absolute_drop: 0.05}}}}
"""

PODS = """\
runtime: kubernetes
pods:
  image: registry.example/slipway-stages:1.0
  node_selector: {disk: "1"}
"""


def dataset_file(name: str = "flights", *, more: str = "", text: str = DATASET) -> dict[str, str]:
    """A dataset's files by their paths below `include/`."""
    return {
        f"datasets/{name}/dataset.yaml": text.format(name=name) + more,
        f"datasets/{name}/expectations.yaml": "features: []\nlabels: []\n",
    }


def model_file(name: str = "delay", *, dataset: str = "flights", more: str = "") -> dict[str, str]:
    """A model's file by its path below `include/`."""
    return {f"models/{name}/model.yaml": MODEL.format(name=name, dataset=dataset) + more}


def dataset_spec(name: str = "flights", *, more: str = "") -> DatasetSpec:
    """The dataset as a value."""
    import yaml

    return DatasetSpec.model_validate(yaml.safe_load(DATASET.format(name=name) + more))


def model_spec(name: str = "delay", *, dataset: str = "flights", more: str = "") -> ModelSpec:
    """The model as a value."""
    import yaml

    return ModelSpec.model_validate(yaml.safe_load(MODEL.format(name=name, dataset=dataset) + more))


FLEET = {
    **dataset_file("flights"),
    **dataset_file("ferries", text=WITHOUT_KEY),
    **model_file("delay"),
    **model_file("seats", dataset="ferries"),
}
CHAINS = {
    "ingest": ["claim", "ingest", "acknowledge"],
    "train": [
        *("accept", "snapshot", "train", "evaluate", "gate"),
        *("promote_challenger", "answer"),
    ],
    "deploy": ["reconcile", "verify", "shift_10", "shift_50", "switch", "promote_champion"],
    "monitor": ["collect", "drift_windows", "drift", "decide"],
}


def names(kind: str) -> list[str]:
    """Datasets or models of the repository."""
    import yaml

    return [yaml.safe_load(text)[kind] for path, text in FLEET.items() if f"/{kind}.yaml" in path]


def dag_ids() -> set[str]:
    """Ids of the DAGs that the repository's specs call for."""
    ingest = {f"{name}__ingest" for name in names("dataset")}
    activities = [activity for activity in CHAINS if activity != "ingest"]
    return ingest | {f"{name}__{activity}" for name in names("model") for activity in activities}
