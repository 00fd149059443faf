"""The study of a search in its database: what it proposes, holds, and never loses."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import optuna
import pytest

from slipway.adapters.tuning import StudyDatabase
from slipway.errors import BadParameter
from slipway.spec.search import Search
from slipway.stages.ports.tuning import EndedTrial, StudyPlan

SPACE = {
    "n_estimators": {"low": 10, "high": 90, "step": 20},
    "max_depth": {"low": 1, "high": 64, "log": True},
    "reg_lambda": {"low": 1, "high": 10},
    "subsample": {"low": 0.5, "high": 1.0, "step": 0.25},
    "booster": {"choices": ["gbtree", "dart"]},
}
SEARCH = Search.model_validate({"space": SPACE, "folds": 2, "pruning": False})
PLAN = StudyPlan("sales/request-000001/abc", "xgboost.XGBClassifier", SEARCH, True, 7)  # noqa: FBT003


def ended(number: int, searched: Mapping[str, Any]) -> EndedTrial:
    """A complete trial whose value falls with its depth."""
    value = 1.0 / searched["max_depth"]
    return EndedTrial(number, searched, value, [value, value])


def proposals(folder: Path, count: int, *, restart_each: bool) -> list[Mapping[str, Any]]:
    """The proposals of a study, which may be opened anew for each trial."""
    database, known = StudyDatabase(None, folder=folder), list[EndedTrial]()
    while len(known) < count:
        with database.open_study(PLAN, known) as study:
            for number in range(len(known) + 1, len(known) + 2 if restart_each else count + 1):
                searched = study.ask(number)
                known.append(ended(number, searched))
                for fold, value in enumerate(known[-1].reported):
                    assert not study.report(number, fold=fold, value=value)
                study.tell(known[-1])
    return [one.searched for one in known]


def test_proposals_lie_in_the_space(tmp_path: Path) -> None:
    """Whole where parameter and ends are, on the steps, and among the choices."""
    for one in proposals(tmp_path, 12, restart_each=False):
        assert one["n_estimators"] in {10, 30, 50, 70, 90}
        assert isinstance(one["max_depth"], int)
        assert 1 <= one["max_depth"] <= 64
        assert isinstance(one["reg_lambda"], float)
        assert 1 <= one["reg_lambda"] <= 10
        assert one["subsample"] in {0.5, 0.75, 1.0}
        assert one["booster"] in {"gbtree", "dart"}


def test_a_study_that_is_made_anew_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    """The same proposals, however many attempts it took; they learn from what ended."""
    whole = proposals(tmp_path / "whole", 14, restart_each=False)
    assert proposals(tmp_path / "anew", 14, restart_each=True) == whole
    assert len({one["max_depth"] for one in whole}) > 3


def test_the_database_holds_every_trial(tmp_path: Path) -> None:
    """With number, values, reports and state, for other tools."""
    url = f"sqlite:///{tmp_path / 'studies.db'}"
    values = {"n_estimators": 10, "max_depth": 3, "reg_lambda": 1.5, "subsample": 0.5}
    known = [
        ended(1, {**values, "booster": "dart"}),
        EndedTrial(2, {**values, "booster": "gbtree"}, None, [0.1]),
        EndedTrial(3, {**values, "booster": "gbtree"}, None, [], has_failed=True),
    ]
    for _ in range(2):
        with StudyDatabase(url, folder=tmp_path).open_study(PLAN, known):
            pass
    storage = optuna.storages.RDBStorage(url)
    (name,) = optuna.get_all_study_names(storage)
    assert name == PLAN.name
    trials = optuna.load_study(study_name=name, storage=storage).trials
    assert [one.state.name for one in trials] == ["COMPLETE", "PRUNED", "FAIL"]
    assert [one.user_attrs["slipway.trial"] for one in trials] == [1, 2, 3]
    assert trials[0].value == pytest.approx(1 / 3)
    assert trials[1].intermediate_values == {0: 0.1}
    storage.remove_session()
    storage.engine.dispose()


def test_an_address_without_a_driver_is_told(tmp_path: Path) -> None:
    """With what to write, and without the address."""
    database = StudyDatabase("mysql+pymysql://ada:secret@db/x", folder=tmp_path)
    with (
        pytest.raises(BadParameter, match="the database of studies cannot be opened") as caught,
        database.open_study(PLAN, []),
    ):
        pass
    assert caught.value.found == "a driver that is not installed"
    assert "secret" not in str(caught.value)


def test_a_training_without_a_search_pays_nothing_for_it() -> None:
    """Optuna is imported when a study is opened."""
    code = (
        "import sys; from slipway.wiring.container import Container; "
        "import slipway.wiring.train, slipway.stages.train.train; Container().search_tools(); "
        "print([one for one in sys.modules if one in ('optuna', 'sqlalchemy')])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
