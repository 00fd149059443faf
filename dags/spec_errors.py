"""Raises all that is wrong with specs in one message, so that Airflow's banner shows it.

Airflow shows one import error per DAG file; the DAGs of valid specs are in another file and live.
"""

from __future__ import annotations

from slipway.settings import Settings
from slipway.spec.loading import load_all
from slipway.spec.problems import raise_problems

raise_problems(load_all(Settings().project))
