"""Propose parameters with Optuna, in a study that a database holds.

The finished trials that the store keeps are the truth: each attempt makes its study anew from them,
so a database that is lost or was left in the middle of a trial changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.pruners import MedianPruner, NopPruner
from optuna.samplers import TPESampler
from optuna.storages import RDBStorage
from optuna.trial import Trial, TrialState, create_trial
from sqlalchemy.exc import SQLAlchemyError

from slipway.errors import BadParameter, StoreUnavailable
from slipway.spec.search import SearchedValues
from slipway.spec.searchable_params import has_whole_range
from slipway.stages.ports.tuning import EndedTrial, StudyPlan

FULL_TRIALS = 5
"""So many trials are measured on all folds before the first may end early."""


class StudyDatabase:
    """Studies of one installation.

    Args:
        url: Address of the database, as SQLAlchemy writes it; None: a SQLite file in the folder.
        folder: Folder of SQLite files.
    """

    def __init__(self, url: str | None, *, folder: Path) -> None:
        self._url = url
        self._folder = folder

    @contextmanager
    def open_study(self, plan: StudyPlan, ended: Sequence[EndedTrial]) -> Iterator[OptunaStudy]:
        """Open a study that has the trials of earlier attempts, in place of one of that name.

        Raises:
            BadParameter: The address is none of a database, or its driver is not installed.
            StoreUnavailable: The database does not answer.
        """
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        with _explained():
            storage = self._storage(plan)
        try:
            with _explained():
                study = _new_study(storage, plan)
                opened = OptunaStudy(study, plan)
                for trial in ended:
                    opened.add(trial)
            yield opened
        finally:
            storage.remove_session()
            storage.engine.dispose()

    def _storage(self, plan: StudyPlan) -> RDBStorage:
        if self._url is not None:
            return RDBStorage(self._url)
        self._folder.mkdir(parents=True, exist_ok=True)
        # Workers of one machine would wait for one another's writes to one file.
        file = plan.name.partition("/")[0] + _worker(plan)
        return RDBStorage(f"sqlite:///{self._folder / file}.db")


def _worker(plan: StudyPlan) -> str:
    return "" if plan.worker is None else f"-worker-{plan.worker}"


def _new_study(storage: RDBStorage, plan: StudyPlan) -> optuna.Study:
    name = plan.name + _worker(plan)
    if name in optuna.get_all_study_names(storage):
        optuna.delete_study(study_name=name, storage=storage)
    return optuna.create_study(
        storage=storage,
        study_name=name,
        direction="maximize" if plan.greater_is_better else "minimize",
        pruner=MedianPruner(n_startup_trials=FULL_TRIALS) if plan.search.pruning else NopPruner(),
    )


class OptunaStudy:
    """Fulfils the `Study` port.

    Args:
        study: Optuna's.
        plan: What it is about.
    """

    def __init__(self, study: optuna.Study, plan: StudyPlan) -> None:
        self._study = study
        self._plan = plan
        self._asked: dict[int, Trial] = {}
        self._space = {
            name: _distribution(plan.estimator, name, values)
            for name, values in plan.search.space.items()
        }

    def ask(self, number: int) -> Mapping[str, Any]:
        """Return values for a trial that begins, by parameter.

        They depend on seed, number and earlier trials only, and not on how many attempts it took.
        """
        with _explained():
            self._study.sampler = TPESampler(seed=(self._plan.seed + number) % 2**32)
            trial = self._study.ask(self._space)
            trial.set_user_attr("slipway.trial", number)
        self._asked[number] = trial
        return dict(trial.params)

    def report(self, number: int, *, fold: int, value: float) -> bool:
        """Report what a trial scored up to a fold; return whether it is to end early."""
        with _explained():
            self._asked[number].report(value, step=fold)
            return bool(self._asked[number].should_prune())

    def tell(self, trial: EndedTrial) -> None:
        """End a trial that this study has asked for."""
        with _explained():
            self._study.tell(self._asked.pop(trial.number), trial.value, state=_state(trial))

    def add(self, trial: EndedTrial) -> None:
        """Add a trial of an earlier attempt, or of another worker."""
        with _explained():
            self._study.add_trial(
                create_trial(
                    state=_state(trial),
                    value=trial.value,
                    params=dict(trial.searched),
                    distributions=self._space,
                    user_attrs={"slipway.trial": trial.number},
                    intermediate_values=dict(enumerate(trial.reported)),
                )
            )


def _state(trial: EndedTrial) -> TrialState:
    if trial.has_failed:
        return TrialState.FAIL
    return TrialState.PRUNED if trial.value is None else TrialState.COMPLETE


def _distribution(estimator: str, name: str, values: SearchedValues) -> BaseDistribution:
    if values.choices is not None:
        return CategoricalDistribution(values.choices)
    low, high, step = values.low, values.high, values.step
    if low is None or high is None:
        raise ValueError(name)
    ends = [end for end in (low, high, step) if end is not None]
    if has_whole_range(estimator, name, *ends):
        return IntDistribution(int(low), int(high), log=values.log, step=int(step or 1))
    return FloatDistribution(float(low), float(high), log=values.log, step=step)


@contextmanager
def _explained() -> Iterator[None]:
    """Raise the errors of database and driver as ours; neither repeats the address."""
    try:
        yield
    except ImportError as error:
        raise BadParameter(
            "the database of studies cannot be opened",
            expected="an address of SQLAlchemy whose driver is installed",
            found="a driver that is not installed",
            where="SLIPWAY_STUDY_DB",
            hint="use postgresql+psycopg2://… or sqlite:///…, or leave it out",
        ) from error
    except (SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
        raise StoreUnavailable(
            "the database of studies does not answer",
            expected="a database that can be read and written",
            found=type(error).__name__,
            where="SLIPWAY_STUDY_DB",
            hint="start it; no finished trial is lost, since the store keeps them",
        ) from error
