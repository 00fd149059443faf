"""Mutate a seeded sample of the decision code, and count which changes a test notices.

`make mutate` runs this with cosmic-ray's interpreter; its options are in `--help`.
Cosmic-ray finds and writes the mutations, in a copy of the project below `build/`; the tests that
import a mutated module run with the project's own interpreter. Sites are drawn, not mutations, so
that a comparison with nine replacements weighs no more than a constant with two.
Exit status 1 if fewer than 95 % of the changes that are not equivalent were noticed.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from cosmic_ray.commands.init import init
from cosmic_ray.mutating import mutate_and_test
from cosmic_ray.work_db import use_db
from cosmic_ray.work_item import MutationSpec, TestOutcome
from importers import Importers

PROJECT = Path(__file__).resolve().parents[2]
COPY = PROJECT / "build" / "mutation"
EQUIVALENT = Path(__file__).with_name("equivalent.json")
DECISIONS = (
    "include/slipway/stages",
    "include/slipway/records",
    "include/slipway/serving/v2",
    "include/slipway/serving/model_server/input_ranges.py",
    "include/slipway/serving/platform/proxy/pick_version.py",
    "include/slipway/serving/platform/proxy/sticky_key.py",
    "include/slipway/serving/platform/proxy/request_stats.py",
    "include/slipway/serving/prediction_log/privacy.py",
)
"""Folders and files whose code decides."""

NO_DECISION = re.compile(r"BitOr_|RemoveDecorator|ExceptionReplacer|Variable|NoOp")
"""Operators that mostly change annotations, or whose change no program survives."""

NO_DECISION_LINES = ("`if TYPE_CHECKING:`", "`@dataclass(frozen=True)`")
"""Lines that decide what a type checker sees, or guard against edits."""

LEAST_SCORE = 0.95
TIMEOUT_SECONDS = 600


@dataclass(frozen=True)
class Judged:
    """One mutation and the result of the tests."""

    place: str
    change: str
    is_noticed: bool


def main() -> int:
    """Draw, mutate, test and report."""
    options = _options()
    _copy_project()
    judged = []
    sample = list(_sample(options.sample, seed=options.seed))
    for number, spec in enumerate(sample, start=1):
        one = _judge(spec, python=options.python)
        judged.append(one)
        outcome = "noticed" if one.is_noticed else "NOT NOTICED"
        print(f"{number}/{len(sample)} {outcome}: {one.place}: {one.change}", flush=True)
    noticed = sum(one.is_noticed for one in judged)
    score = noticed / len(judged)
    print(json.dumps({"sample": len(judged), "noticed": noticed, "score": round(score, 3)}))
    return 0 if score >= LEAST_SCORE else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sample", type=int, default=80, help="how many sites are drawn")
    parser.add_argument("--seed", type=int, default=1, help="of the draw")
    parser.add_argument("--python", default=".venv/bin/python", help="interpreter of the tests")
    return parser.parse_args()


def _copy_project() -> None:
    shutil.rmtree(COPY, ignore_errors=True)
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],  # noqa: S607
        cwd=PROJECT,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in listed.stdout.splitlines():
        if (PROJECT / name).is_file():
            (COPY / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(PROJECT / name, COPY / name)


def _sample(size: int, *, seed: int) -> Iterator[MutationSpec]:
    """One mutation at each of `size` sites, without those that are known to be equivalent."""
    known = [tuple(entry[name] for name in ("file", "change")) for entry in _equivalent()]
    by_site: dict[tuple[str, object], list[MutationSpec]] = {}
    for spec in _mutations():
        by_site.setdefault((str(spec.module_path), spec.start_pos), []).append(spec)
    draw = random.Random(seed)
    sites = sorted(by_site, key=str)
    draw.shuffle(sites)
    for site in sites:
        if size == 0:
            return
        spec = draw.choice(by_site[site])
        change = _change_of(spec)
        if not change.endswith(NO_DECISION_LINES) and (_name_of(spec), change) not in known:
            size -= 1
            yield spec


def _mutations() -> Iterator[MutationSpec]:
    files = [file for name in DECISIONS for file in _python_files(COPY / name)]
    with use_db(COPY / "session.sqlite") as work:
        init(files, work, {})
        for item in work.work_items:
            [spec] = item.mutations
            if not NO_DECISION.search(spec.operator_name):
                yield spec


def _python_files(path: Path) -> Iterable[Path]:
    return [path] if path.is_file() else sorted(path.rglob("*.py"))


def _judge(spec: MutationSpec, *, python: str) -> Judged:
    """Run the tests that import the mutated module, those that do so directly first."""
    place, change = f"{_name_of(spec)}:{spec.start_pos[0]}", _change_of(spec)
    importers = Importers(COPY)
    for tests in importers.of(spec.module_path):
        command = _command(python, tests)
        if tests and mutate_and_test([spec], command, TIMEOUT_SECONDS).test_outcome in (
            TestOutcome.KILLED,
            TestOutcome.INCOMPETENT,
        ):
            return Judged(place, change, is_noticed=True)
    return Judged(place, change, is_noticed=False)


def _command(python: str, tests: Iterable[str]) -> str:
    """Tests of the copy, run against the copy's package; paths as the copy has them."""
    words = [
        *("env", f"PYTHONPATH={COPY / 'include'}", f"--chdir={COPY}"),
        *(str(PROJECT / python), "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"),
        *tests,
    ]
    return shlex.join(words)


def _name_of(spec: MutationSpec) -> str:
    return str(Path(spec.module_path).relative_to(COPY))


def _change_of(spec: MutationSpec) -> str:
    """The mutated line, operator and occurrence."""
    line = Path(spec.module_path).read_text().splitlines()[spec.start_pos[0] - 1].strip()
    operator = spec.operator_name.removeprefix("core/")
    return f"{operator} at column {spec.start_pos[1]} of `{line}`"


def _equivalent() -> list[Mapping[str, str]]:
    return json.loads(EQUIVALENT.read_text())


if __name__ == "__main__":
    sys.exit(main())
