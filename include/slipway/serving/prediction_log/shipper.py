"""Ship closed segments of the prediction log to the store as Parquet, exactly once.

Runs as a separate process, so that compression does not add to the latency of requests.
A segment becomes one file per day of event time, named after the segment: shipping it again after
a crash creates the same names, and only the first creation of a name succeeds.
A day therefore has at most one file per server and roll interval.
"""

from __future__ import annotations

import contextlib
import fcntl
import gc
import io
import logging
import os
import signal
import threading
import time
from collections.abc import Iterable
from itertools import chain
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from slipway.errors import StoreUnavailable
from slipway.records.store import Store
from slipway.serving.parent_watch import on_parent_exit
from slipway.serving.prediction_log.row_columns import repeat, score_columns, spread
from slipway.serving.prediction_log.write_ahead_log import SUFFIX, UNOWNED_SUFFIX, Header, Record
from slipway.serving.server_options import MIB
from slipway.spec.logged_columns import OUTLIER_SCORE, logged_name

TIME = pa.timestamp("us", tz="UTC")
COLUMN_TYPES = {"number": pa.float64(), "string": pa.string()}
LONGEST_PAUSE_SECONDS = 30.0
FORGOTTEN_SECONDS = 3600.0
PART_BYTES = MIB
BESIDE_SECONDS = 10.0
"""Interval between looks at what other servers have left."""
DAMAGE = (msgspec.MsgspecError, ValueError, LookupError, ArithmeticError, pa.ArrowException)

logger = logging.getLogger(__name__)
_header_decoder = msgspec.json.Decoder(Header)
_record_decoder = msgspec.json.Decoder(Record)


def ship(
    *,
    store_root: str,
    log_folder: Path,
    poll_seconds: float = 0.5,
    patience_seconds: float = 0.0,
    beside: Path | None = None,
    once: bool = False,
    parent_pipe: int | None = None,
    stop: threading.Event | None = None,
) -> None:
    """Ship segments until SIGTERM or parent exit, then ship the remaining ones and return.

    Args:
        store_root: Root URI of the store.
        log_folder: Folder of the segments, with one folder per model.
        poll_seconds: Interval between looks at the folder.
        patience_seconds: How long to retry after SIGTERM while a server still holds a segment or
            the store is unavailable; for a folder that ends with the process, as in a pod.
        beside: Folder with the log folders of other servers, such as those of lost nodes; a segment
            there is shipped once no server holds it.
        once: Whether to end as soon as all that no server holds is shipped, or patience is over.
        parent_pipe: Descriptor of an inherited pipe; EOF on it means that the parent has exited.
        stop: Event that stops the shipper; a new one by default.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    stop = stop or threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if parent_pipe is not None:
        on_parent_exit(parent_pipe, stop.set)
    # Records are millions of lists without cycles; collecting garbage took half of the time.
    gc.set_threshold(100_000)
    shipping = _Shipper(store_root, log_folder, beside)
    if once:
        shipping.once(patience_seconds, stop=stop)
        return
    pause = poll_seconds
    while not stop.is_set():
        trouble = shipping.trouble()
        pause = poll_seconds if trouble is None else min(pause * 2, LONGEST_PAUSE_SECONDS)
        if trouble is not None:
            logger.warning("segments are not shipped, next try in %.1f s: %s", pause, trouble)
        stop.wait(pause)
    shipping.finish(patience_seconds, poll_seconds=poll_seconds)


class _Shipper:
    """Ships folders of segments to one store, which is opened at the first attempt."""

    def __init__(self, store_root: str, log_folder: Path, beside: Path | None) -> None:
        self._store_root = store_root
        self._log_folder = log_folder
        self._beside = beside
        self._beside_again = 0.0
        self._store: Store | None = None

    def trouble(self) -> Exception | None:
        """Ship all unlocked segments; return the error if some could not be shipped."""
        from slipway.adapters.object_store import open_store

        try:
            self._store = self._store or open_store(self._store_root)
            ship_segments(self._store, self._log_folder)
            self._ship_beside(self._store)
        except (StoreUnavailable, OSError) as error:
            return error
        return None

    def once(self, within_seconds: float, *, stop: threading.Event) -> None:
        """Ship what no server holds; give up when the time is over."""
        until = time.monotonic() + within_seconds
        while (trouble := self.trouble()) is not None:
            if time.monotonic() >= until or stop.wait(1.0):
                logger.warning("what servers left is not shipped yet: %s", trouble)
                return

    def _ship_beside(self, store: Store) -> None:
        """Look at the other folders, now and then: they may be many, on a network's disk."""
        if self._beside is None or time.monotonic() < self._beside_again:
            return
        trouble: OSError | None = None
        for folder in sorted(one for one in self._beside.iterdir() if one.is_dir()):
            try:
                ship_segments(store, folder)
            except OSError as error:
                trouble = error
        if trouble is not None:
            raise trouble
        self._beside_again = time.monotonic() + BESIDE_SECONDS

    def finish(self, within_seconds: float, *, poll_seconds: float) -> None:
        """Ship at least once, until no segment is left or the time is over."""
        until = time.monotonic() + within_seconds
        while True:
            trouble = self.trouble()
            left = sum(1 for _ in self._log_folder.glob(f"*/*{SUFFIX}"))
            if left == 0 or time.monotonic() >= until:
                break
            time.sleep(poll_seconds)
        if left:
            reason = trouble or "a server holds them"
            logger.warning("%d segments are left in %s: %s", left, self._log_folder, reason)


def ship_segments(store: Store, log_folder: Path) -> int:
    """Ship every segment that is not locked by a server; return their number.

    Raises:
        StoreUnavailable: The store is unavailable; unshipped segments stay.
        OSError: A segment could not be read or removed; it stays, the others were shipped.
    """
    shipped, trouble = 0, None
    for path in sorted(log_folder.glob(f"*/*{SUFFIX}")):
        try:
            shipped += _ship_if_unowned(store, path)
        except OSError as error:
            trouble = error
    for path in log_folder.glob(f"*/*{UNOWNED_SUFFIX}"):
        _remove_if_forgotten(path)
    if trouble is not None:
        raise trouble
    return shipped


def _ship_if_unowned(store: Store, path: Path) -> bool:
    try:
        # Writable: a network's disk locks nothing else exclusively.
        segment = path.open("r+b")
    except FileNotFoundError:
        return False
    with segment:
        try:
            fcntl.flock(segment, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        if os.fstat(segment.fileno()).st_nlink == 0:
            return False
        _ship(store, path, segment.read())
    return True


def _remove_if_forgotten(path: Path) -> None:
    """Remove the empty file of a server that died between creating and naming a segment."""
    with contextlib.suppress(FileNotFoundError):
        if abs(time.time() - path.stat().st_mtime) > FORGOTTEN_SECONDS:
            path.unlink()


def _ship(store: Store, path: Path, raw: bytes) -> None:
    # A torn last line was never acknowledged to a client.
    lines = raw[: raw.rfind(b"\n") + 1].splitlines()
    try:
        for folder, table in _tables(lines):
            for day, rows in _by_day(table):
                key = f"{folder}/{path.parent.name}/day={day}/{path.stem}.parquet"
                store.create(key, _parquet(rows))
                _sync_to_disk(store.uri(key))
    except MemoryError:
        # Arrow's memory error is one, too; the segment itself is intact.
        raise
    except DAMAGE as error:
        # Without the traceback: its last line may quote a value.
        logger.error("%s is damaged and renamed to .damaged: %s", path, type(error).__name__)  # noqa: TRY400
        path.rename(path.with_suffix(".damaged"))
    else:
        path.unlink()


def _sync_to_disk(address: str) -> None:
    """Sync an object of a local store to the disk; S3 responds only once it is durable."""
    if "://" in address:
        return
    path = Path(address)
    for one in (path, path.parent):
        descriptor = os.open(one, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _tables(lines: list[bytes]) -> Iterable[tuple[str, pa.Table]]:
    """Tables of a segment by folder: predictions of clients, and probes."""
    if not lines:
        return
    header = _header_decoder.decode(lines[0])
    pieces: dict[str, list[pa.Table]] = {}
    for part in _parts(lines[1:]):
        records = [_record_decoder.decode(line) for line in part]
        for folder, probe in (("predictions", False), ("probes", True)):
            chosen = [record for record in records if record.probe == probe]
            if chosen:
                pieces.setdefault(folder, []).append(_table(header, chosen))
    for folder, tables in pieces.items():
        yield folder, pa.concat_tables(tables)


def _parts(lines: list[bytes]) -> Iterable[list[bytes]]:
    """Lines in parts of about a MiB: decoded records take twenty times the memory."""
    begin, size = 0, 0
    for number, line in enumerate(lines, start=1):
        size += len(line)
        if size >= PART_BYTES or number == len(lines):
            yield lines[begin:number]
            begin, size = number, 0


def _table(header: Header, records: list[Record]) -> pa.Table:
    """One row per scored row: request id, key, times, version, scores, inputs."""
    counts = [len(record.scores) for record in records]
    columns = {
        "request_id": repeat([record.request_id for record in records], counts, pa.string()),
        "row": pa.array(chain.from_iterable(map(range, counts)), pa.int32()),
        "key": spread([record.keys for record in records], counts, pa.string()),
        "event_time": pa.array(
            chain.from_iterable(
                record.event_times_us or [record.received_us] * count
                for record, count in zip(records, counts, strict=True)
            ),
            TIME,
        ),
        "received_at": repeat([record.received_us for record in records], counts, TIME),
        "version": pa.array([header.version] * sum(counts), pa.int64()),
        **score_columns([score for record in records for score in record.scores], header.classes),
    }
    if any(record.outlier_scores is not None for record in records):
        told = [record.outlier_scores for record in records]
        columns[OUTLIER_SCORE] = spread(told, counts, pa.float64())
    for position, (name, kind) in enumerate(header.columns):
        values = list(chain.from_iterable(record.columns[position] for record in records))
        logged = logged_name(name, multiclass=header.classes is not None)
        columns[logged] = pa.array(values, COLUMN_TYPES[kind])
    return pa.table(columns)


def _by_day(table: pa.Table) -> Iterable[tuple[str, pa.Table]]:
    days = table["event_time"].cast(pa.timestamp("us")).cast(pa.date32(), safe=False)
    for day in sorted(days.unique().to_pylist()):
        yield day.isoformat(), table.filter(pc.equal(days, pa.scalar(day, pa.date32())))


def _parquet(table: pa.Table) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()
