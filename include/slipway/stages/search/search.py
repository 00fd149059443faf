"""Search for the estimator of a training: its parameters, or a recipe, on folds of its rows.

Only training rows come here: no row that the gates judge by is learnt from or measured.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass

from slipway.records.attempts import Attempt
from slipway.spec import DatasetSpec, ModelSpec
from slipway.spec.metrics import METRICS
from slipway.spec.model import Estimator
from slipway.spec.recipes import recipes_of
from slipway.spec.search import AUTO, Search
from slipway.stages.model.labelled_rows import Snapshot
from slipway.stages.ports.metrics import Measure
from slipway.stages.ports.package import Learner
from slipway.stages.ports.tuning import OpenStudy, Study, StudyPlan, Workers
from slipway.stages.search.fold_fits import (
    FoldFits,
    OpenWorkers,
    one_after_another,
    require_measurable,
)
from slipway.stages.search.folds import Fold, folds_by_key, folds_by_time
from slipway.stages.search.found import OWN_PARAMS, Found, found_by_recipes, found_by_trials
from slipway.stages.search.journal import Journal, identity_of
from slipway.stages.search.run_trials import TrialPlan, TrialRunner, as_ended
from slipway.stages.search.searched_rows import SearchedRows
from slipway.stages.search.shares import WHOLE, Share
from slipway.stages.search.trials import Candidate, Trial


@dataclass(frozen=True)
class SearchTools:
    """What a search needs beside its rows.

    Attributes:
        measure: Computes the metric.
        open_study: Opens the study of a search for parameters.
        open_workers: Opens processes that fit; not used for one at a time.
        tell: Called with how far the search is, or a fit without one.
        clock: Seconds.
    """

    measure: Measure
    open_study: OpenStudy
    open_workers: OpenWorkers
    tell: Callable[[str], None]
    clock: Callable[[], float] = time.monotonic


@dataclass(frozen=True)
class EstimatorSearch:
    """Search of one attempt at a training.

    Attributes:
        spec: Model.
        dataset: Its dataset.
        learner: Its learner.
        pins: Pinned versions of the tables.
        attempt: Attempt that searches.
        tools: What it needs beside.
        log: Called with each trial that has ended, those of earlier attempts first.
        share: Trials that are tried here; those of other workers are read.
        worker: Number of the worker that searches; None: the training itself does.
    """

    spec: ModelSpec
    dataset: DatasetSpec
    learner: Learner
    pins: Snapshot
    attempt: Attempt
    tools: SearchTools
    log: Callable[[Trial], None]
    share: Share = WHOLE
    worker: int | None = None

    def find(self, searched: SearchedRows) -> Found:
        """Return the estimator to fit to all training rows.

        Raises:
            NotComputable: The rows cannot be divided into folds, or no recipe beats a constant.
            SpecError: The spec's own parameters do not work on these rows.
            Superseded: A newer attempt has begun.
        """
        trials, metric = self.run(searched), self.spec.search_metric
        plan = self._plan()
        if plan.base is not None:
            return found_by_trials(trials, metric=metric, folds=plan.search.folds)
        judged = {one.candidate.name for one in trials}
        left_out = [one.name for one in plan.given if one.name not in judged]
        return found_by_recipes(trials, metric=metric, folds=plan.search.folds, left_out=left_out)

    def run(self, searched: SearchedRows) -> list[Trial]:
        """Run the trials of this share; return all that have ended, by number.

        Raises:
            NotComputable: The rows cannot be divided into folds.
            SpecError: The spec's own parameters do not work on these rows.
            Superseded: A newer attempt has begun.
        """
        search = self.spec.searching or Search()
        fits = FoldFits(
            self.spec,
            self.learner,
            searched.rows,
            self._folds(searched, search.folds),
            searched.classes,
            self.tools.measure,
        )
        require_measurable(fits)
        with self._workers(fits, search) as workers:
            return self._run(workers)

    def _workers(self, fits: FoldFits, search: Search) -> AbstractContextManager[Workers]:
        if search.parallel == 1:
            return one_after_another(fits)
        return self.tools.open_workers(fits, search.parallel)

    def _folds(self, searched: SearchedRows, count: int) -> Sequence[Fold]:
        if searched.keys is None:
            return folds_by_time(searched.rows[searched.times], count=count)
        return folds_by_key(searched.keys, count=count, seed=self.spec.training.seed)

    def _run(self, workers: Workers) -> list[Trial]:
        journal = self._journal()
        earlier = {one.number: one for one in journal.read()}
        for trial in earlier.values():
            self.log(trial)
        plan, tools = self._plan(), self.tools

        def runner(study: Study | None) -> TrialRunner:
            return TrialRunner(
                *(plan, workers, study, journal, self.log, tools.tell, tools.clock, earlier)
            )

        if plan.base is None:
            return runner(None).run()
        known = [one for number, one in sorted(earlier.items()) if number >= len(plan.given)]
        ended = [as_ended(one, own=earlier[0].scores) for one in known]
        with tools.open_study(self._study_plan(plan.search, journal), ended) as study:
            return runner(study).run()

    def _journal(self) -> Journal:
        identity = identity_of(
            self.spec,
            self.dataset,
            pins=asdict(self.pins) | {"as_of": self.pins.as_of.isoformat()},
            pipeline_py=self.learner.pipeline_py,
        )
        return Journal(self.attempt, identity)

    def _study_plan(self, search: Search, journal: Journal) -> StudyPlan:
        return StudyPlan(
            f"{self.attempt.ref.subject}/{self.attempt.ref.run}/{journal.identity}",
            self.spec.estimator.name,
            search,
            METRICS[self.spec.search_metric].greater_is_better,
            self.spec.training.seed,
            self.worker,
        )

    def _plan(self) -> TrialPlan:
        """Return what is tried: recipes, or the spec's own parameters and then a study's."""
        search = self.spec.searching or Search()
        metric, own = self.spec.search_metric, self.spec.estimator
        if own.name != AUTO:
            # Each worker measures the spec's own parameters, which its trials are held against,
            # unless another has: it would wait as long as their fits take.
            given = [Candidate(OWN_PARAMS, own, {})]
            return TrialPlan(
                search, metric, given, always=1, must_fit=True, base=own, share=self.share
            )
        recipes = [
            Candidate(
                row.name,
                Estimator(name=row.estimator, params=dict(row.params)) if row.estimator else None,
                {},
            )
            for row in recipes_of(self.spec.task)
        ]
        # The constant, and one that could be better: else nothing could be kept.
        always = 2 if self.worker is None else 0
        return TrialPlan(search, metric, recipes, always=always, must_fit=False, share=self.share)
