"""The drill: plant faults, and check that the ring detects, refuses or survives them."""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from slipway.local.clients import ClientResult, in_requests, send_requests
from slipway.local.demo.simulator import Simulator
from slipway.records import requests
from slipway.records.run_records import RunRef, find_record

if TYPE_CHECKING:
    import pandas as pd

KILOMETRES_A_MILE = 1.609344
KILLED_AFTER_ROWS = 500
LOOK_EVERY_REQUESTS = 20


@dataclass(frozen=True)
class Check:
    """One check of the drill.

    Attributes:
        name: Requirement.
        held: Whether it held.
        found: Observed values.
    """

    name: str
    held: bool
    found: str


def drill(simulator: Simulator) -> list[Check]:
    """Plant faults and check the outcome of each."""
    return [
        *_change_of_unit_and_shuffled_labels(simulator),
        _server_killed(simulator),
        _rollback_under_requests(simulator),
    ]


def _change_of_unit_and_shuffled_labels(simulator: Simulator) -> list[Check]:
    january, february = _Replanted(simulator, "01"), _Replanted(simulator, "02")
    champion = simulator.champion()
    simulator.printer.print_line("planted: a January whose distances are in kilometres")
    simulator.deliver(
        january.features(kilometres=True), simulator.sample / "labels" / "2013-12.csv"
    )
    served = simulator.champion()
    simulator.request_predictions(january.rows(kilometres=True), "a January in kilometres")
    simulator.printer.print_line("planted: the labels of that January, shuffled")
    known = len(requests.all_requests(simulator.container.store, simulator.model.model))
    simulator.deliver(february.features(kilometres=False), january.shuffled_labels())
    window = RunRef(simulator.model.model, f"window-2014-01-v{served}", "drift")
    drift = find_record(simulator.container.store, window)
    filed = requests.all_requests(simulator.container.store, simulator.model.model)[known:]
    answers = [requests.find_answer(simulator.container.store, request) for request in filed]
    outcomes = [answer.outcome for answer in answers if answer is not None]
    seen = drift is not None and drift.verdict.action == "drifting"
    named = drift is not None and "distance" in drift.verdict.reason
    return [
        Check(
            "the change of unit is detected as drift",
            seen and named,
            drift.verdict.reason if drift else f"no verdict on {window.run}",
        ),
        Check(
            "a challenger of shuffled labels is refused",
            outcomes == ["refused"] and simulator.champion() == served,
            f"answered: {', '.join(outcomes) or 'nothing'}; champion was version {champion}, "
            f"then {served}, is {simulator.champion()}",
        ),
    ]


def _server_killed(simulator: Simulator) -> Check:
    simulator.printer.print_line("planted: the model server is killed under requests")
    killed: list[int] = []

    def kill_once(answered: int) -> None:
        if answered >= KILLED_AFTER_ROWS and not killed:
            killed.append(_server_pid(simulator))
            os.kill(killed[0], signal.SIGKILL)

    result = simulator.request_predictions(
        simulator.keyed_rows("2013-12"), "December", meanwhile=kill_once
    )
    logged = simulator.container.log.read(simulator.model.model, columns=["request_id"])[
        "request_id"
    ]
    lost = set(result.acknowledged) - set(logged)
    return Check(
        "no acknowledged request is lost when a server is killed",
        bool(killed) and not lost and bool(result.acknowledged),
        f"{len(result.acknowledged)} requests acknowledged, {len(lost)} lost, "
        f"{result.failed} refused while it restarted",
    )


def _rollback_under_requests(simulator: Simulator) -> Check:
    name = simulator.model.model
    previous = simulator.container.registry.alias(name, "previous")
    if previous is None:
        return Check("a rollback under requests", held=False, found="there is no previous version")
    simulator.printer.print_line(f"rolling back to version {previous.version} under live requests")
    run = simulator.api.trigger(f"{name}__deploy", to="previous")
    ended: list[str] = []

    def until_ended() -> Iterator[pd.DataFrame]:
        for count, frame in enumerate(
            itertools.cycle(in_requests(simulator.keyed_rows("2013-12")))
        ):
            if ended and not count % LOOK_EVERY_REQUESTS:
                return
            if not count % LOOK_EVERY_REQUESTS:
                state = simulator.api.run_state(f"{name}__deploy", run)
                ended.extend([state] if state in ("success", "failed") else [])
            yield frame

    result = send_requests(simulator.client, name, until_ended(), encode=simulator.encode)
    simulator.printer.catch_up()
    return _judge_rollback(simulator, result, previous.version, ended)


def _judge_rollback(
    simulator: Simulator, result: ClientResult, wanted: int, ended: list[str]
) -> Check:
    last = next(iter(in_requests(simulator.keyed_rows("2013-12"), rows=1)))
    after = send_requests(
        simulator.client, simulator.model.model, iter([last]), encode=simulator.encode
    )
    served = list(after.versions)
    held = ended == ["success"] and not result.failed and served == [str(wanted)]
    return Check(
        "a rollback under requests fails none of them",
        held and simulator.champion() == wanted,
        f"{len(result.acknowledged)} requests during the rollback, {result.failed} failed; "
        f"the run ended as {ended}, version {', '.join(served)} answers now",
    )


def _server_pid(simulator: Simulator) -> int:
    status = httpx.get(
        f"{simulator.stack.addresses.platform}/platform/models/{simulator.model.model}",
        timeout=10.0,
    ).json()
    return int(status["servers"][str(simulator.champion())]["pid"])


@dataclass(frozen=True)
class _Replanted:
    """A month of 2013, moved to 2014 under new keys."""

    simulator: Simulator
    number: str

    @property
    def month(self) -> str:
        return f"2014-{self.number}"

    def rows(self, *, kilometres: bool) -> pd.DataFrame:
        """Return a sample of the rows, for requests."""
        rows = self.simulator.keyed_rows(f"2013-{self.number}")
        return self._moved(rows, kilometres=kilometres)

    def features(self, *, kilometres: bool) -> Path:
        """Write all rows as a delivery."""
        import pandas as pd

        source = self.simulator.sample / "features" / f"2013-{self.number}.parquet"
        moved = self._moved(pd.read_parquet(source), kilometres=kilometres)
        file = self._file("features", "parquet")
        moved.to_parquet(file, index=False)
        return file

    def shuffled_labels(self) -> Path:
        """Write the labels, shuffled among the rows, as a delivery."""
        import pandas as pd

        key = self.simulator.dataset.identity.key.column
        labels = pd.read_csv(self.simulator.sample / "labels" / f"2013-{self.number}.csv")
        shuffled = labels.drop(columns=key).sample(frac=1.0, random_state=1).reset_index(drop=True)
        shuffled.insert(0, key, labels[key].str.replace("2013-", "2014-", n=1))
        file = self._file("labels", "csv")
        shuffled.to_csv(file, index=False)
        return file

    def _moved(self, rows: pd.DataFrame, *, kilometres: bool) -> pd.DataFrame:
        import pandas as pd

        dataset = self.simulator.dataset
        moved = rows.copy()
        moved[dataset.identity.key.column] = moved[dataset.identity.key.column].str.replace(
            "2013-", "2014-", n=1
        )
        moved[dataset.identity.time.column] += pd.Timedelta(days=365)
        # 52 weeks and a day later; a part of the time that disagrees with it would be a fault, too.
        moved["weekday"] = (moved["weekday"] + 1) % 7
        if kilometres:
            moved["distance_miles"] = moved["distance_miles"] * KILOMETRES_A_MILE
        return moved

    def _file(self, stream: str, suffix: str) -> Path:
        folder = self.simulator.stack.folder / "planted" / stream
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{self.month}.{suffix}"
