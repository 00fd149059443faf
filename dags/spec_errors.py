"""Raise all problems of specs as one import error, which Airflow's UI shows in its banner.

Airflow shows one import error per DAG file; the DAGs of valid specs are in the other file.
"""

from __future__ import annotations

from slipway.settings import Settings
from slipway.spec.loading import load_all, raise_problems

raise_problems(load_all(Settings().project))
