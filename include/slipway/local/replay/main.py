"""Replay a dataset's past through the installation of `slipway up`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from slipway.errors import NotFound
from slipway.local.addresses import LOOPBACK
from slipway.local.airflow import AirflowApi, password
from slipway.local.outside_world import OutsideWorld
from slipway.local.replay.figures import tables_of
from slipway.local.replay.history import History, split_history
from slipway.local.replay.periods import PastArrivals
from slipway.local.replay.player import Player
from slipway.local.replay.progress_file import ProgressFile
from slipway.local.replay.raw_rows import history_files, read_history
from slipway.local.running import Running, find_running, up_folder
from slipway.records.store import digest, encode
from slipway.settings import Settings
from slipway.spec.loading import load_all
from slipway.stages.report.blocks import as_text
from slipway.wiring import Container
from slipway.wiring.matching_stream import find_dataset

if TYPE_CHECKING:
    from slipway.spec import DatasetSpec, ModelSpec
    from slipway.stages.monitor.windows.windows import Unit


def replay(
    place: Path,
    *,
    dataset: str | None,
    by: Unit,
    parts: int | None,
    order: str | None,
    label_delay: float | None,
    rows: int,
    speed: float | None,
    restart: bool,
) -> int:
    """Replay history; return exit status 0, or 130 after Ctrl-C.

    Args:
        place: A file, or a folder of files.
        dataset: Its dataset; None: the only one, or the one whose columns the files have.
        by: Length of a period.
        parts: Deliveries into which rows without an event time are cut; None: one for each file.
        order: Column by which they are put in order before; None: as the files have them.
        label_delay: Days until a label is known; None: the longest horizon of the models.
        rows: Most rows of a period that a model is asked about.
        speed: Seconds of event time in a second, at most; None: as fast as the ring.
        restart: Whether to begin anew instead of where the last one stopped.

    Raises:
        NotFound: No `slipway up` runs here, or there is no such file.
        SlipwayError: A file cannot be read, or the ring was not idle in time.
    """
    os.environ["NO_PROXY"] = f"{LOOPBACK},localhost"
    console = Console(highlight=False, soft_wrap=True)
    project = Settings().project
    running = _running(project)
    settings = Settings(
        project=project, store=running.store, mlflow=running.mlflow, platform=running.platform
    )
    container = Container(settings)
    spec, models = _specs(container, dataset or find_dataset(history_files(place), container))
    horizon = max((one.monitoring.label_horizon_days for one in models), default=0.0)
    delay = timedelta(days=horizon if label_delay is None else label_delay)
    raw = read_history(place, spec, container)
    file = ProgressFile(up_folder(project) / f"replay-{spec.dataset}.json")
    began = file.began(now=datetime.now(UTC))
    arrivals = PastArrivals(parts, order, last=began)
    history = split_history(raw, spec, by=by, label_delay=delay, arrivals=arrivals)
    for stream, found in raw.items():
        broken = f", and {found.broken:,} lines that are none" if found.broken else ""
        console.print(f"{found.table.num_rows:,} rows of {stream} in {_files(found.sizes)}{broken}")
    of = _identity(history, by=by, delay=delay)
    progress = file.begin(of, began=began, restart=restart)
    if progress.next_step:
        console.print(f"{where_it_goes_on(history, progress.next_step)}; --restart begins anew")
    api = AirflowApi(running.airflow, password(up_folder(project) / "airflow"))
    world = OutsideWorld(settings, api, spec.dataset, [one.model for one in models], console)
    world.printer.skip_past()
    player = Player(world, history, progress=progress, file=file, rows=rows, speed=speed)
    try:
        player.play()
    except KeyboardInterrupt:
        console.print("stopped; the same command goes on with the period that was stopped")
        return 130
    finally:
        world.client.close()
        api.close()
    console.print(Text(as_text(tables_of(world, history, progress))))
    return 0


def _files(sizes: Sequence[int]) -> str:
    return "1 file" if len(sizes) == 1 else f"{len(sizes):,} files"


def where_it_goes_on(history: History, step: int) -> str:
    """Say where a replay goes on that was begun before."""
    if step >= history.steps:
        return "it was replayed to its end before"
    if step == len(history.periods):
        return "goes on with what is known after the last period"
    return f"goes on at {history.name(step)}"


def _running(project: Path) -> Running:
    running = find_running(project)
    if running is None:
        raise NotFound(
            "no installation runs here to replay history through",
            where=str(project),
            hint="start it in another terminal with `slipway up`",
        )
    return running


def _specs(container: Container, dataset: str) -> tuple[DatasetSpec, list[ModelSpec]]:
    """The dataset, and its models."""
    loaded = load_all(container.settings.project)
    spec = container.dataset(dataset)
    return spec, [one for one in loaded.models.values() if one.dataset == dataset]


def _identity(history: History, *, by: Unit, delay: timedelta) -> dict[str, Any]:
    """What makes two replays the same."""
    ends = [history.periods[0].start, history.periods[-1].end]
    sizes = [history.features.num_rows, history.labels.num_rows if history.labels else None]
    plan = [history.period.tolist(), history.due.tolist()]
    return {
        "by": by,
        "label_delay_days": delay.total_seconds() / 86_400,
        "rows": sizes,
        "span": [end.isoformat() for end in ends],
        "plan": digest(encode(plan))[:16],
    }
