"""The drill: planted trouble, and whether the ring saw it, refused it or lost nothing by it."""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from slipway.local.demo.simulator import Player
from slipway.local.demo.year import Asked, ask, in_requests
from slipway.records import requests
from slipway.records.run_records import RunRef, find_record

if TYPE_CHECKING:
    import pandas as pd

KILOMETRES_A_MILE = 1.609344
KILLED_AFTER_ROWS = 500
LOOK_EVERY_REQUESTS = 20


@dataclass(frozen=True)
class Check:
    """One thing that the drill demands.

    Attributes:
        name: What is demanded.
        held: Whether it held.
        found: What was found.
    """

    name: str
    held: bool
    found: str


def drill(player: Player) -> list[Check]:
    """Plant trouble and judge what became of it."""
    return [
        *_change_of_unit_and_shuffled_labels(player),
        _server_killed(player),
        _rollback_under_requests(player),
    ]


def _change_of_unit_and_shuffled_labels(player: Player) -> list[Check]:
    january, february = _Replanted(player, "01"), _Replanted(player, "02")
    champion = player.champion()
    player.narrator.say("planted: a January whose distances are in kilometres")
    player.deliver(january.features(kilometres=True), player.sample / "labels" / "2013-12.csv")
    served = player.champion()
    player.ask_about(january.rows(kilometres=True), "a January in kilometres")
    player.narrator.say("planted: the labels of that January, shuffled")
    known = len(requests.all_requests(player.shop.store, player.model.model))
    player.deliver(february.features(kilometres=False), january.shuffled_labels())
    window = RunRef(player.model.model, f"window-2014-01-v{served}", "drift")
    drift = find_record(player.shop.store, window)
    filed = requests.all_requests(player.shop.store, player.model.model)[known:]
    answers = [requests.find_answer(player.shop.store, request) for request in filed]
    outcomes = [answer.outcome for answer in answers if answer is not None]
    seen = drift is not None and drift.verdict.action == "drifting"
    named = drift is not None and "distance" in drift.verdict.reason
    return [
        Check(
            "the change of unit is seen as drift",
            seen and named,
            drift.verdict.reason if drift else f"no verdict on {window.run}",
        ),
        Check(
            "a challenger of shuffled labels is refused",
            outcomes == ["refused"] and player.champion() == served,
            f"answered: {', '.join(outcomes) or 'nothing'}; champion was version {champion}, "
            f"then {served}, is {player.champion()}",
        ),
    ]


def _server_killed(player: Player) -> Check:
    player.narrator.say("planted: the model server is killed under requests")
    killed: list[int] = []

    def kill_once(answered: int) -> None:
        if answered >= KILLED_AFTER_ROWS and not killed:
            killed.append(_server_pid(player))
            os.kill(killed[0], signal.SIGKILL)

    asked = player.ask_about(player.keyed_rows("2013-12"), "December", meanwhile=kill_once)
    logged = player.shop.log.read(player.model.model, columns=["request_id"])["request_id"]
    lost = set(asked.acknowledged) - set(logged)
    return Check(
        "nothing that was acknowledged is lost when a server is killed",
        bool(killed) and not lost and bool(asked.acknowledged),
        f"{len(asked.acknowledged)} requests acknowledged, {len(lost)} lost, "
        f"{asked.failed} refused while it restarted",
    )


def _rollback_under_requests(player: Player) -> Check:
    name = player.model.model
    previous = player.shop.registry.alias(name, "previous")
    if previous is None:
        return Check("a rollback under requests", held=False, found="there is no previous version")
    player.narrator.say(f"rolling back to version {previous.version} under live requests")
    run = player.api.trigger(f"{name}__deploy", to="previous")
    ended: list[str] = []

    def until_ended() -> Iterator[pd.DataFrame]:
        for count, frame in enumerate(itertools.cycle(in_requests(player.keyed_rows("2013-12")))):
            if ended and not count % LOOK_EVERY_REQUESTS:
                return
            if not count % LOOK_EVERY_REQUESTS:
                state = player.api.run_state(f"{name}__deploy", run)
                ended.extend([state] if state in ("success", "failed") else [])
            yield frame

    asked = ask(player.client, name, until_ended(), encode=player.encode)
    player.narrator.catch_up()
    return _judge_rollback(player, asked, previous.version, ended)


def _judge_rollback(player: Player, asked: Asked, wanted: int, ended: list[str]) -> Check:
    last = next(iter(in_requests(player.keyed_rows("2013-12"), rows=1)))
    after = ask(player.client, player.model.model, iter([last]), encode=player.encode)
    served = list(after.versions)
    held = ended == ["success"] and not asked.failed and served == [str(wanted)]
    return Check(
        "a rollback under requests costs none of them",
        held and player.champion() == wanted,
        f"{len(asked.acknowledged)} requests during the rollback, {asked.failed} failed; "
        f"the run ended as {ended}, version {', '.join(served)} answers now",
    )


def _server_pid(player: Player) -> int:
    status = httpx.get(
        f"{player.stack.addresses.platform}/platform/models/{player.model.model}", timeout=10.0
    ).json()
    return int(status["servers"][str(player.champion())]["pid"])


@dataclass(frozen=True)
class _Replanted:
    """A month of 2013, moved a year on under new keys."""

    player: Player
    number: str

    @property
    def month(self) -> str:
        return f"2014-{self.number}"

    def rows(self, *, kilometres: bool) -> pd.DataFrame:
        """A client's sample of them."""
        rows = self.player.keyed_rows(f"2013-{self.number}")
        return self._moved(rows, kilometres=kilometres)

    def features(self, *, kilometres: bool) -> Path:
        """All of them as a delivery."""
        import pandas as pd

        source = self.player.sample / "features" / f"2013-{self.number}.parquet"
        moved = self._moved(pd.read_parquet(source), kilometres=kilometres)
        file = self._file("features", "parquet")
        moved.to_parquet(file, index=False)
        return file

    def shuffled_labels(self) -> Path:
        """Their labels, each given to another flight."""
        import pandas as pd

        key = self.player.dataset.key
        labels = pd.read_csv(self.player.sample / "labels" / f"2013-{self.number}.csv")
        shuffled = labels.drop(columns=key).sample(frac=1.0, random_state=1).reset_index(drop=True)
        shuffled.insert(0, key, labels[key].str.replace("2013-", "2014-", n=1))
        file = self._file("labels", "csv")
        shuffled.to_csv(file, index=False)
        return file

    def _moved(self, rows: pd.DataFrame, *, kilometres: bool) -> pd.DataFrame:
        import pandas as pd

        dataset = self.player.dataset
        moved = rows.copy()
        moved[dataset.key] = moved[dataset.key].str.replace("2013-", "2014-", n=1)
        moved[dataset.event_time] += pd.Timedelta(days=365)
        if kilometres:
            moved["distance_miles"] = moved["distance_miles"] * KILOMETRES_A_MILE
        return moved

    def _file(self, stream: str, suffix: str) -> Path:
        folder = self.player.stack.folder / "planted" / stream
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{self.month}.{suffix}"
