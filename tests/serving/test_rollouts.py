"""A rollout's stages on a real platform with real servers, under load."""

from __future__ import annotations

import itertools
import shutil
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import pytest

from slipway.adapters.model_package import load_package
from slipway.errors import Superseded
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRecord
from slipway.spec.deployment import Shift, WithoutTraffic
from slipway.stages.model.agreement import measure_agreement
from slipway.stages.model.version_tags import COMPARED_WITH, TAG_PREFIX
from slipway.stages.rollout import reconcile, shift, switch, verify
from slipway.stages.rollout.promote_champion import promote_champion
from tests.fakes.rollout_registry import FakeRegistry
from tests.serving.model_versions import DATASET, MODEL, SPEC, flights, offline_scores
from tests.serving.platform_env import PlatformEnv, running_platform_env
from tests.serving.processes import until

CHAMPION, CANDIDATE = 1, 2
HOLDOUT = flights(300, seed=7)


class Folders(FakeRegistry):
    """A registry of folders."""

    root: Path

    def download(self, model: str, version: int, to: Path, *, sha256: str | None = None) -> Path:
        """A copy of the version's folder."""
        del sha256
        self.version(model, version)
        return Path(shutil.copytree(self.root / str(version), to))


class Features:
    """A table of made-up flights."""

    rows = flights(200, seed=8).drop(columns="late")

    def newest(self, _table: str, column: str) -> datetime | None:
        """Largest value of a column."""
        newest: datetime = self.rows[column].max().to_pydatetime()
        return newest

    def version(self, _table: str) -> None:
        """None: each key is delivered once."""

    def count(self, _table: str, *, present: str | None = None) -> int:
        """Number of rows, each of which counts as one with a label."""
        del present
        return len(self.rows)

    def columns(self, _table: str, *, version: int) -> tuple[str, ...]:
        """Names of the columns."""
        del version
        return tuple(self.rows.columns)

    def read(
        self,
        _table: str,
        *,
        version: int | None = None,
        columns: Sequence[str] | None = None,
        where: Sequence[tuple[str, str, Any]] = (),
    ) -> pd.DataFrame:
        """Rows since a time."""
        del version
        [(column, _, since)] = where
        kept = self.rows[self.rows[column] >= since]
        return kept if columns is None else kept[list(columns)]


class RolloutStages:
    """The stages of a rollout, as its DAG runs them."""

    def __init__(self, env: PlatformEnv, *, settings: Shift) -> None:
        deployment = SPEC.deployment.model_copy(update={"shift": settings})
        self.spec = SPEC.model_copy(update={"deployment": deployment})
        self.env = env
        self.registry = Folders(aliases={"champion": CHAMPION, "challenger": CANDIDATE})
        self.registry.root = env.versions
        self.registry.tags = {CHAMPION: {}, CANDIDATE: _evidence(env.versions)}
        self.ports: dict[str, Any] = {
            "context": RunContext(env.store, {}),
            "registry": self.registry,
            "platform": env.adapter,
        }

    def reconcile(self, to: str, *, holder: str) -> RunRecord:
        """Run the first stage."""
        return reconcile.reconcile(self.spec, **self.ports, to=to, holder=holder)

    def verify(self, run: str) -> RunRecord:
        """Run the second stage."""
        return verify.verify(
            self.spec, DATASET, **self.ports, rollout=run, tables=Features(), load=load_package
        )

    def shift(self, run: str, step: int) -> RunRecord:
        """Run one step."""
        return shift.shift(self.spec, **self.ports, rollout=run, step=step)

    def finish(self, run: str) -> list[str]:
        """Run the last two stages; their actions."""
        last = (switch.switch, promote_champion)
        return [stage(self.spec, **self.ports, rollout=run).verdict.action for stage in last]

    def weights(self) -> Mapping[int, float]:
        """Share of the traffic by version."""
        served = self.env.adapter.served(MODEL)
        return served.weights if served else {}


@pytest.fixture
def env(versions: Path, tmp_path: Path) -> Iterator[PlatformEnv]:
    """A platform whose champion serves, without a rollout."""
    with running_platform_env(tmp_path, versions) as made:
        made.serve(CHAMPION, keep=[])
        yield made


def test_a_challenger_takes_over_step_by_step_under_load(env: PlatformEnv) -> None:
    """Verified, analysed at two steps and promoted, without a failed request."""
    stages = RolloutStages(env, settings=Shift(requests=20, max_error_rate=0.2))
    run = stages.reconcile("challenger", holder="dag").ref.run
    verified = stages.verify(run).verdict
    assert verified.action == "verified", verified.reason
    with env.background() as one, env.background() as other:
        one.wait_for(20)
        for step in (10, 50):
            seen = stages.shift(run, step).verdict
            assert (seen.action, seen.numbers["failed"]) == ("shifted", 0), seen.reason
            champion = seen.numbers["champion.asked"], seen.numbers["champion.failed"]
            assert champion[0]
            assert not champion[1]
            assert stages.weights() == pytest.approx(
                {CHAMPION: 1 - step / 100, CANDIDATE: step / 100}
            )
        assert stages.finish(run) == ["switched", "promoted"]
        one.wait_for(20)
    assert one.failed == other.failed == []
    assert stages.registry.aliases == {"champion": CANDIDATE, "previous": CHAMPION}


@pytest.mark.parametrize(("then", "action"), [("abort", "inconclusive"), ("switch", "shifted")])
def test_a_step_without_traffic_ends_as_the_spec_says(
    env: PlatformEnv, then: Literal["abort", "switch"], action: str
) -> None:
    """Within its hour, by a clock that runs fast; the verdict counts requests seen and needed."""
    rule = WithoutTraffic(after_minutes=30, then=then)
    stages = RolloutStages(env, settings=Shift(steps=[10], without_traffic=rule))
    run = stages.reconcile("challenger", holder="dag").ref.run
    stages.verify(run)
    now = itertools.count(step=60.0)
    seen = shift.shift(
        stages.spec, **stages.ports, rollout=run, step=10, clock=lambda: next(now), sleep=_no_wait
    ).verdict
    assert seen.action == action
    assert "asked 0 times, and 200 are needed" in seen.reason
    assert stages.weights() == ({CHAMPION: 0.9, CANDIDATE: 0.1} if then == "switch" else {1: 1.0})


def test_a_way_back_takes_over_from_a_waiting_step_at_once(env: PlatformEnv) -> None:
    """Within seconds the champion has all traffic; the step ends, and no request fails."""
    stages = RolloutStages(env, settings=Shift(steps=[50], requests=10**6))
    run = stages.reconcile("challenger", holder="dag").ref.run
    stages.verify(run)
    ended: list[Exception] = []

    def wait_for_requests() -> None:
        try:
            stages.shift(run, 50)
        except Superseded as error:
            ended.append(error)

    step = threading.Thread(target=wait_for_requests)
    with env.background() as background:
        step.start()
        until(lambda: len(stages.weights()) == 2, "requests are shared")
        background.wait_for(20)
        began = time.monotonic()
        back = stages.reconcile("previous", holder="person")
        assert time.monotonic() - began < 10
        assert back.verdict.action == "repair"
        assert stages.weights() == {CHAMPION: 1.0}
        answered = len(background.answered)
        background.wait_for(20)
        assert set(list(background.answered.values())[answered + 1 :]) == {CHAMPION}
        assert stages.verify(back.ref.run).verdict.action == "verified"
        assert stages.finish(back.ref.run) == ["switched", "promoted"]
    step.join(timeout=60)
    assert len(ended) == 1
    assert background.failed == []
    assert stages.registry.aliases["champion"] == CHAMPION
    assert stages.registry.tags[CANDIDATE]["slipway.rollout"] == "rolled_back"


def _no_wait(_seconds: float) -> None:
    """Return at once."""


def _evidence(versions: Path) -> dict[str, str]:
    """Tags of the gates' evidence about the candidate."""
    score = partial(offline_scores, rows=HOLDOUT)
    agreement = measure_agreement(score(versions / str(CANDIDATE)), score(versions / str(CHAMPION)))
    assert agreement is not None
    numbers = {f"{TAG_PREFIX}{name}": repr(value) for name, value in agreement.numbers().items()}
    return {COMPARED_WITH: f"version {CHAMPION}", **numbers}
