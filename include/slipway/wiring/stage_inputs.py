"""Inputs that more than one stage takes, or that identify a run."""

from __future__ import annotations

from slipway.records import requests
from slipway.wiring.stage import Input

DATASET = Input("dataset", "Dataset to ingest.")
STREAM = Input("stream", "Stream to ingest.", choices=("features", "labels"))
BATCH = Input("batch", "Batch to ingest.")
FILE = Input("file", "Store key of the delivery to ingest.")
MODEL = Input("model", "Model to work on.")
REQUEST = Input(
    "request",
    "Number of the retrain request.",
    bounds=(1, None),
    run_of=lambda number: requests.run_of(int(number)),
)
WORKER = Input(
    "worker",
    "Worker whose share of the trials is tried (`search`), from 1.",
    bounds=(1, 64),
    is_part=True,
)
REASON = Input("reason", "Reason for a new model (`accept`).")
WITHOUT_CHAMPION = Input(
    "without_champion",
    "Whether the gates may compare with the constant alone, where the champion was deleted (with a "
    "reason, `accept`).",
    choices=("yes", "no"),
)
DRY_RUN = Input(
    "dry_run",
    "Whether the training is judged and changes nothing (with a reason, `accept`).",
    choices=("yes", "no"),
)
APPROVE = Input(
    "approve",
    "Number of a request that waits for a person, and gets a yes (`accept`).",
    bounds=(1, None),
)
REJECT = Input(
    "reject", "Number of a request that waits for a person, and gets a no.", bounds=(1, None)
)
TO = Input("to", "What to roll out: `challenger`, `previous` or a version's number.")
ASKED_AT = Input(
    "asked_at", "Time at which a rollback was asked for (`reconcile`), ISO 8601; default: now."
)
ENDED = Input("ended", "Holder of the model's lease that is known to have ended (`reconcile`).")
ROLLOUT = Input("rollout", "Rollout that `reconcile` began, e.g. `rollout-000003`.", run_of=str)
STEP = Input("step", "Percent of the requests (`shift`).", bounds=(1, 99))
PARTITION = Input("partition", "Partition to score (`score`), e.g. `2013-05`.")
FIRST = Input("first", "Or all partitions from this one on (`partitions`).")
LAST = Input("last", "… up to and including this one.")
SCORING = Input(
    "scoring", "Or the run that listed it, e.g. `score-2013-05-3f9a0c11d2e4-v3`.", run_of=str
)
WINDOW = Input(
    "window", "Window to measure, as `collect` names it.", run_of=lambda name: f"window-{name}"
)
