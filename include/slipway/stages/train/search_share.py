"""Search with several workers: each tries its share of the trials, in a pod or a task of its own.

What a worker has ended is kept in the training's folder of the store, where the other workers and
the training read it; nothing else joins them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from slipway.errors import BadParameter
from slipway.records.attempts import Attempt, count_attempts
from slipway.records.idempotent_stage import perform
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRecord, RunRef, need_record
from slipway.records.verdicts import Number, Verdict
from slipway.spec.metrics import METRICS
from slipway.stages.model.labelled_rows import Snapshot
from slipway.stages.model.shipped import TRAIN
from slipway.stages.search.choose import best_of
from slipway.stages.search.search import EstimatorSearch, SearchTools
from slipway.stages.search.shares import WHOLE, Share
from slipway.stages.train.fitting import Fitting
from slipway.stages.train.training_stages import SEARCH, parallel_pods
from slipway.values.figures import in_figures

if TYPE_CHECKING:
    from collections.abc import Sequence

    from slipway.records.requests import Request
    from slipway.spec import DatasetSpec, ModelSpec
    from slipway.stages.ports.package import Learner
    from slipway.stages.ports.tables import Tables
    from slipway.stages.search.trials import Trial


def worker_ref(ref: RunRef, worker: int) -> RunRef:
    """Return the reference to a worker's part of a training's search.

    Args:
        ref: Any stage of the training.
        worker: Number of the worker, from 1.
    """
    return ref.beside(f"{SEARCH}_{worker}")


def share_left(spec: ModelSpec, attempt: Attempt) -> Share:
    """Return the trials that a training tries itself: those of workers that have not begun.

    A worker that began and did not end may have been ended by one of its trials, which could end
    the training as well; then the training chooses among the trials that there are.
    """
    workers = parallel_pods(spec)
    if workers == 1:
        return WHOLE
    store, numbers = attempt.store, range(1, workers + 1)
    left = [one for one in numbers if not count_attempts(store, worker_ref(attempt.ref, one))]
    return Share(workers, left)


def search(
    spec: ModelSpec,
    dataset: DatasetSpec,
    *,
    request: Request,
    worker: int,
    context: RunContext,
    tables: Tables,
    learner: Learner,
    tools: SearchTools,
) -> RunRecord:
    """Try one worker's share of the trials of a training's search.

    A retry goes on with the same share after the trials that have ended.

    Args:
        spec: Model.
        dataset: Its dataset.
        request: Request that is trained for.
        worker: Number of the worker, from 1.
        context: Store and origin of the run.
        tables: Tables of the dataset.
        learner: Learner of the model.
        tools: What a search needs.

    Raises:
        BadParameter: The model's search has no such worker.
        NotComputable: There are too few rows, or they cannot be divided into folds.
        SpecError: The spec's own parameters do not work on these rows.
        Superseded: A newer attempt has begun.
    """
    workers = parallel_pods(spec)
    if workers == 1 or worker > workers:
        raise BadParameter(
            f"the search of {spec.model} has no worker {worker}",
            expected=f"a number from 1 to {workers}" if workers > 1 else "no worker at all",
            found=str(worker),
            where="search.parallel_pods in model.yaml",
            hint="run `train`, which searches by itself" if workers == 1 else None,
        )
    training = RunRef(spec.model, request.run, TRAIN)
    pinned = need_record(context.store, training.beside("snapshot"))
    pins = Snapshot.from_numbers(pinned.verdict.numbers)

    def work(attempt: Attempt) -> Verdict:
        share = Share(workers, [worker])
        rows = Fitting(spec, dataset, tables, learner, tools.tell).prepare(pins).searched
        searching = EstimatorSearch(
            *(spec, dataset, learner, pins, attempt, tools, lambda _: None), share, worker
        )
        return _searched(spec, searching.run(rows), share, worker=worker)

    return perform(
        context,
        worker_ref(training, worker),
        work,
        inputs={"request": request.number, "snapshot": pinned.ref.key, "worker": worker},
    )


def _searched(spec: ModelSpec, trials: Sequence[Trial], share: Share, *, worker: int) -> Verdict:
    own = [one for one in trials if share.holds(one.number)]
    states = [one.state for one in own]
    numbers: dict[str, Number] = {
        "worker": worker,
        "workers": share.workers,
        "trials": len(own),
        "pruned": states.count("pruned"),
        "failed": states.count("failed"),
        "all_trials": len(trials),
    }
    told = ""
    if any(one.state == "complete" for one in trials):
        metric = spec.search_metric
        best = best_of(trials, greater_is_better=METRICS[metric].greater_is_better)
        numbers["best"] = best.mean
        told = f"; best {metric} so far {in_figures(best.mean)} ({best.candidate.name})"
    return Verdict(
        "searched",
        f"Worker {worker} of {share.workers} has {len(own)} of the {len(trials)} trials that have "
        f"ended{told}.",
        numbers,
    )
