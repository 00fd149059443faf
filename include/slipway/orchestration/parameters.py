"""What a person may ask of a run: typed, with help, and nothing that is not on offer.

Airflow checks the types of declared parameters, and takes unknown ones in silence.
"""

from __future__ import annotations

from collections.abc import Iterable

from airflow.sdk import Param

from slipway.errors import BadParameter
from slipway.spec.problems import nearest

PARTITIONS = {"day": ("2013-05-06", r"\d{4}-\d{2}-\d{2}"), "month": ("2013-05", r"\d{4}-\d{2}")}
"""An example and a pattern of each kind of partition's name."""


def ingest_parameters() -> dict[str, Param]:
    """Parameters of `<dataset>__ingest`."""
    return {
        "batch": Param(
            None,
            type=["null", "string"],
            pattern="^[A-Za-z0-9][A-Za-z0-9._-]*$",
            title="Batch",
            description_md=(
                "Take only this batch: the file's name without its suffix, such as `2013-05`. "
                "Empty: everything that is waiting."
            ),
        )
    }


def train_parameters() -> dict[str, Param]:
    """Parameters of `<model>__train`."""
    return {
        "reason": Param(
            None,
            type=["null", "string"],
            maxLength=300,
            title="Reason",
            description_md=(
                "Why the model should learn again. A run that you start files a request in your "
                "name; the reason travels into the model version and the ledger."
            ),
        )
    }


def deploy_parameters() -> dict[str, Param]:
    """Parameters of `<model>__deploy`."""
    return {
        "to": Param(
            "challenger",
            type="string",
            pattern="^(challenger|previous|[1-9][0-9]*)$",
            examples=["challenger", "previous"],
            title="To",
            description_md=(
                "Which version shall serve: `challenger` (the newest that passed its gates), "
                "`previous` (roll back), or a version's number."
            ),
        )
    }


def score_parameters(unit: str) -> dict[str, Param]:
    """Parameters of `<model>__score`.

    Args:
        unit: Kind of partition: `day` or `month`.
    """
    example, pattern = PARTITIONS[unit]

    def partition(title: str, what: str) -> Param:
        return Param(
            None,
            type=["null", "string"],
            pattern=f"^{pattern}$",
            title=title,
            description_md=f"{what}, such as `{example}`, scored already or not.",
        )

    return {
        "partition": partition("Partition", f"Score only this {unit}, again if need be"),
        "from": partition("From", f"Or every {unit} from this one on"),
        "to": partition("To", f"… up to and with this {unit}"),
    }


def refuse_unknown(given: Iterable[str], *, declared: Iterable[str], dag_id: str) -> None:
    """Nothing when every given parameter is one that the DAG declares.

    Raises:
        BadParameter: Naming each other one, with the nearest spelling on offer.
    """
    offered = sorted(declared)
    unknown = sorted(set(given) - set(offered))
    if not unknown:
        return
    meant = [close for name in unknown if (close := nearest(name, offered))]
    raise BadParameter(
        f"{dag_id} does not take the parameter {', '.join(map(repr, unknown))}",
        expected=f"one of {', '.join(offered)}" if offered else "no parameters",
        hint=f"did you mean {', '.join(map(repr, meant))}?" if meant else None,
    )
