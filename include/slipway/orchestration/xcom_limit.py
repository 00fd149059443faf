"""The size limit of XComs: only verdicts, URIs and short lists pass between tasks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, TypeVar

from airflow.sdk.bases.xcom import BaseXCom

from slipway.errors import Permanent

Item = TypeVar("Item")

XCOM_LIMIT_BYTES = 8192
LIST_LIMIT_BYTES = 3500


def refuse_large(value: Any, *, what: str) -> None:
    """Raise unless a value fits into an XCom.

    Raises:
        Permanent: It is larger than 8 KB as JSON.
    """
    size = len(json.dumps(value).encode())
    if size > XCOM_LIMIT_BYTES:
        raise Permanent(
            f"{what} is too large for an XCom",
            expected=f"at most {XCOM_LIMIT_BYTES} bytes of JSON",
            found=f"{size} bytes",
            hint="write it to the store and pass its key",
        )


def first_that_fit(items: Sequence[Item]) -> list[Item]:
    """Return the first items that fit into an XCom; the rest is left to another run.

    Two such lists fit into one XCom.
    """
    taken: list[Item] = []
    room = LIST_LIMIT_BYTES
    for item in items:
        room -= len(json.dumps(item).encode()) + 2
        if room < 0:
            break
        taken.append(item)
    return taken


class LimitedXCom(BaseXCom):
    """Airflow's XCom backend with a size limit; `[core] xcom_backend` names this class.

    It also covers XComs of other tasks and operators.
    """

    @staticmethod
    def serialize_value(
        value: Any,
        *,
        key: str | None = None,
        task_id: str | None = None,
        dag_id: str | None = None,
        run_id: str | None = None,
        map_index: int | None = None,
    ) -> Any:
        """Return the value as Airflow stores it.

        Raises:
            Permanent: The value is larger than 8 KB as JSON.
        """
        stored = BaseXCom.serialize_value(
            value, key=key, task_id=task_id, dag_id=dag_id, run_id=run_id, map_index=map_index
        )
        refuse_large(stored, what=f"XCom {key!r} of task {task_id}")
        return stored
