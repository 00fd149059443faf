"""Random deliveries of every format, many of them damaged; each is made by its seed."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pyarrow as pa
from pyarrow import parquet

NAMES = ["id", "at", "miles", "seats", "ok", "note"]
TEXTS = [
    *("", "NA", "?", "-", "nan", "inf", "1", "0", "-0", "+7", "007", "1,5", "1.234,5", "1e400"),
    *("1e39", "-3.4e38", "9007199254740993", "18446744073709551615", "true", "FALSE", "yes", " x "),
    *("now", "2024", "2013-W18-3", "9999-12-31", "2016-12-31T23:59:60Z", "0000-01-01", "\u00e9"),
    *("e\u0301", "1\u00a0000", "\u202e", "\u0663", "=1+1", '"', "'", "a;b", "a,b", "a\tb", "\x00"),
]
SUFFIXES = (".csv", ".csv.gz", ".tsv", ".jsonl", ".jsonl.gz", ".parquet")
START = datetime(2013, 1, 1, tzinfo=UTC)


def random_delivery(seed: int) -> tuple[str, bytes]:
    """Return the suffix and the bytes of a delivery."""
    random = Random(seed)
    suffix = random.choice(SUFFIXES)
    data = _WRITERS[suffix.removesuffix(".gz")](random)
    if random.random() < 0.3:
        data = _damaged(random, data)
    if suffix.endswith(".gz"):
        data = gzip.compress(data, mtime=0)
        data = _damaged(random, data) if random.random() < 0.2 else data
    return suffix, data


def _header(random: Random) -> list[str]:
    names = list(NAMES)
    change = random.random()
    if change < 0.05:
        names.remove(random.choice(names))
    elif change < 0.1:
        names = [name.upper() for name in names]
    elif change < 0.15:
        names.append(random.choice([*NAMES, "", "extra", "no\u00a0te"]))
    random.shuffle(names)
    return names


def _usual(random: Random, name: str, row: int) -> Any:
    return {
        "id": f"f{row}",
        "at": (START + timedelta(hours=row)).isoformat(),
        "miles": random.choice([1.5, 100, -7.25]),
        "seats": random.randrange(300),
        "ok": random.random() < 0.5,
        "note": random.choice(["a", "b", ""]),
    }.get(name, "x")


def _cell(random: Random, name: str, row: int) -> Any:
    strange = 0.15 if random.random() < 0.5 else 0.01
    return random.choice(TEXTS) if random.random() < strange else _usual(random, name, row)


def _rows(random: Random, names: list[str]) -> list[list[Any]]:
    return [
        [_cell(random, name, row) for name in names] for row in range(random.choice([0, 1, 3, 40]))
    ]


def _csv(random: Random, delimiter: str = ",") -> bytes:
    mark = random.choice([";", "|", "\t"]) if random.random() < 0.1 else delimiter
    names = _header(random)
    lines = [names, *_rows(random, names)]
    quote = random.random() < 0.5
    text = []
    for line in lines:
        cells = [str(cell) for cell in line]
        if random.random() < 0.03:
            cells = (
                cells[: random.randrange(len(cells))] if random.random() < 0.5 else [*cells, "x"]
            )
        if quote:
            cells = ['"' + cell.replace('"', '""') + '"' for cell in cells]
        text.append(mark.join(cells))
    ending = random.choice(["\n", "\r\n", "\r"])
    encoding = random.choice(["utf-8", "utf-8", "utf-8-sig", "latin-1", "utf-16"])
    return ending.join([*text, ""]).encode(encoding, "replace")


def _json_lines(random: Random) -> bytes:
    names = _header(random)
    lines = []
    for row in _rows(random, names):
        value: dict[str, Any] = dict(zip(names, row, strict=True))
        if random.random() < 0.1:
            value[random.choice(names)] = random.choice(
                [None, [1], {"a": 1}, 2**70, True, 1e308, float("nan")]
            )
        line = json.dumps(value, ensure_ascii=random.random() < 0.5)
        if random.random() < 0.05:
            line = random.choice(["", "7", "[]", line[:-1], line.replace("}", ', "id": 1}')])
        lines.append(line)
    return "\n".join([*lines, ""]).encode("utf-8", "surrogatepass")


def _parquet(random: Random) -> bytes:
    names = list(dict.fromkeys(_header(random)))
    count = random.choice([0, 1, 3, 40])
    table = pa.table({name: _array(random, name, count) for name in names})
    sink = io.BytesIO()
    parquet.write_table(
        table, sink, use_deprecated_int96_timestamps=random.random() < 0.2, row_group_size=7
    )
    return sink.getvalue()


def _array(random: Random, name: str, count: int) -> pa.Array:
    if random.random() < 0.6:
        return pa.array([_usual(random, name, row) for row in range(count)])
    makers: list[Callable[[], pa.Array]] = [
        lambda: pa.array([random.choice(TEXTS) for _ in range(count)]),
        lambda: pa.array([random.choice([b"\xff", b"7", None]) for _ in range(count)], pa.binary()),
        lambda: pa.array([random.choice([2**63, 7, None]) for _ in range(count)], pa.uint64()),
        lambda: pa.array([random.choice([1e39, -0.0, float("nan"), 7.0]) for _ in range(count)]),
        lambda: pa.array([random.choice([True, None]) for _ in range(count)], pa.bool_()),
        lambda: pa.array([Decimal(random.randrange(10**20)) for _ in range(count)]),
        lambda: pa.array([[random.randrange(3)] for _ in range(count)], pa.list_(pa.int64())),
        lambda: pa.array([{"a": 1}] * count, pa.struct([("a", pa.int64())])),
        lambda: pa.array([date(random.choice([1, 2013, 9999]), 1, 1) for _ in range(count)]),
        lambda: pa.array([random.choice([2**45, 0]) for _ in range(count)], pa.timestamp("s")),
        lambda: pa.array([random.randrange(9) for _ in range(count)], pa.time64("us")),
        lambda: pa.array([random.randrange(9) for _ in range(count)], pa.duration("s")),
        lambda: pa.nulls(count),
        lambda: pa.array(["x"] * count).dictionary_encode(),
    ]
    return random.choice(makers)()


def _damaged(random: Random, data: bytes) -> bytes:
    if not data:
        return data
    place = random.randrange(len(data))
    return random.choice(
        [
            data[:place],
            data[:place] + bytes([random.randrange(256)]) + data[place + 1 :],
            data[:place] + random.randbytes(5) + data[place:],
            data[place:],
            random.randbytes(place),
        ]
    )


_WRITERS: dict[str, Callable[[Random], bytes]] = {
    ".csv": _csv,
    ".tsv": lambda random: _csv(random, "\t"),
    ".jsonl": _json_lines,
    ".parquet": _parquet,
}
