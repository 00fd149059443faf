"""What tests of `slipway new` share: plans of files, their specs, and files of houses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from slipway.spec.loading import Loaded, load_all
from slipway.stages.profile.choose_target import plan_target
from slipway.stages.profile.new_specs import NewSpecs
from slipway.wiring.new_specs import plan_file, profile_file
from slipway.wiring.opened_file import open_file
from slipway.wiring.written_specs import write_specs

ROWS = 400


def planned(file: Path, *, target: str | None = None) -> NewSpecs:
    """The plan of a file."""
    profiled = profile_file(open_file(file))
    return plan_file(profiled, plan_target(profiled.measured, asked=target))


def roles(plan: NewSpecs) -> dict[str, str]:
    """What each column is to the model."""
    return {name: one.role for name, one in plan.columns.items()}


def written(plan: NewSpecs, home: Path) -> Loaded:
    """The specs of a plan as the project has them now."""
    write_specs(plan, home)
    loaded = load_all(home)
    assert [str(problem) for problem in loaded.problems] == []
    return loaded


def table(rows: int = ROWS) -> pd.DataFrame:
    """Two numbers, a category, and what follows from them."""
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(
        {
            "Size m2": rng.normal(80, 20, rows).round(1),
            "rooms": rng.integers(1, 6, rows),
            "district": rng.choice(["north", "south", "old town"], rows),
        }
    )
    noise = rng.normal(0, 10, rows)
    frame["price"] = (frame["Size m2"] * 3 + frame["rooms"] * 9 + noise).round(2)
    return frame


def binary(rows: int = ROWS) -> pd.DataFrame:
    """The same with two classes."""
    frame = table(rows)
    frame["sold"] = np.where(frame.pop("price") > 260, "yes", "no")
    return frame


def several(rows: int = ROWS) -> pd.DataFrame:
    """The same with three classes."""
    frame = table(rows)
    frame["species"] = pd.cut(frame.pop("price"), 3, labels=["low", "mid", "high"]).astype(str)
    return frame


def csv_file(frame: pd.DataFrame, path: Path, **how: Any) -> Path:
    """A file of a frame's rows, without its index."""
    frame.to_csv(path, **{"index": False, **how})
    return path
