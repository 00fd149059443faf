"""One way of checking a delivery, in a process of its own: seconds and peak memory as JSON."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from delivery import AIRPORTS, BATCH, EXPECTATIONS, INTEGERS, NUMBERS, SPEC, WORDS, in_memory

Work = Callable[[], int]


def slipway(path: Path) -> Work:
    """The ingest stage: read, cast, validate and commit."""
    from slipway.adapters.delta_tables.tables import DeltaTables
    from slipway.adapters.expectations.suites import ExpectationSuites
    from slipway.adapters.object_store import open_store
    from slipway.adapters.parquet_encoding import pack_rows
    from slipway.adapters.row_spool import open_spool
    from slipway.adapters.sources.files import LandedFiles
    from slipway.records.run_context import RunContext
    from slipway.stages.ingest.ingest import ingest

    root = path.parents[3]
    store = open_store(str(root))

    def work() -> int:
        record = ingest(
            SPEC,
            stream="features",
            batch=BATCH,
            file=path.relative_to(root).as_posix(),
            context=RunContext(store, {"by": "benchmark"}),
            source=LandedFiles(store),
            tables=DeltaTables(str(root)),
            pack=pack_rows,
            suites=ExpectationSuites(),
            open_spool=open_spool,
        )
        if record.verdict.action != "ingested":
            raise SystemExit(record.verdict.reason)
        return int(record.verdict.numbers["rows"] or 0)

    return work


def gx(path: Path) -> Work:
    """Great Expectations' own compute, as its guide has it, on one frame that is in memory."""
    import great_expectations
    from great_expectations.data_context.types.base import ProgressBarsConfig

    from slipway.adapters.expectations.offered import build

    frame = in_memory(path)
    expectations = [build(one, at) for at, one in enumerate(SPEC.expectations["features"])]
    context = great_expectations.get_context(mode="ephemeral")
    context.enable_analytics(enable=False)
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas("frames").add_dataframe_asset("delivery")
    whole = asset.add_batch_definition_whole_dataframe("whole")
    suite = great_expectations.ExpectationSuite(name="suite", expectations=expectations)

    def work() -> int:
        batch = whole.get_batch(batch_parameters={"dataframe": frame})
        found = batch.validate(suite, result_format={"result_format": "COMPLETE"})
        if not found.success:
            raise SystemExit("an expectation failed")
        return len(frame)

    return work


def duckdb(path: Path) -> Work:
    """The same checks in SQL on the Parquet file, without casts, quarantine and commit."""
    import duckdb as engine

    between = [f"count(*) FILTER (WHERE {name} NOT BETWEEN -10 AND 10)" for name in NUMBERS]
    between += [f"count(*) FILTER (WHERE {name} NOT BETWEEN 0 AND 999)" for name in INTEGERS]
    in_set = [f"count(*) FILTER (WHERE {name} NOT IN {tuple(AIRPORTS)})" for name in WORDS]
    checks = [
        r"count(*) FILTER (WHERE NOT regexp_matches(id, '^k\d{9}$'))",
        "count(*) - count(DISTINCT id)",
        """count(*) FILTER (WHERE "at" < TIMESTAMP '2012-01-01')""",
        *between,
        *in_set,
        "count(*) FILTER (WHERE b0 IS NULL)",
        "CAST(abs(avg(x0)) > 1 AS INTEGER)",
        "CAST(count(*) < 1000 AS INTEGER)",
    ]
    if len(checks) != len(EXPECTATIONS):
        raise SystemExit("the checks differ from the expectations")
    connection = engine.connect(config={"threads": 2})

    def work() -> int:
        query = f"SELECT count(*), {', '.join(checks)} FROM read_parquet(?)"  # noqa: S608 - fixed
        found = connection.execute(query, [str(path)]).fetchone()
        if found is None or any(found[1:]):
            raise SystemExit("a check failed")
        return int(found[0])

    return work


WAYS: Mapping[str, Callable[[Path], Work]] = {"slipway": slipway, "gx": gx, "duckdb": duckdb}


def main() -> None:
    """Do it once, after everything it needs was imported and opened."""
    work = WAYS[sys.argv[1]](Path(sys.argv[2]))
    began = time.perf_counter()
    rows = work()
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"rows": rows, "seconds": seconds, "peak_mib": peak}))


if __name__ == "__main__":
    main()
