"""Parameters of manual runs, typed and with help.

Airflow checks the types of declared parameters and ignores unknown ones; here they are refused.
"""

from __future__ import annotations

from collections.abc import Iterable

from airflow.sdk import Param

from slipway.errors import BadParameter
from slipway.spec.problems import nearest

PARTITIONS = {"day": ("2013-05-06", r"\d{4}-\d{2}-\d{2}"), "month": ("2013-05", r"\d{4}-\d{2}")}
"""By kind of partition: an example of a name, and a pattern."""


def ingest_parameters() -> dict[str, Param]:
    """Return the parameters of `<dataset>__ingest`."""
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
    """Return the parameters of `<model>__train`."""
    return {
        "reason": Param(
            None,
            type=["null", "string"],
            maxLength=300,
            title="Reason",
            description_md=(
                "Why the model should be retrained. A run that you start files a request in your "
                "name; the reason is kept in the model version and the ledger."
            ),
        ),
        "dry_run": Param(
            default=False,
            type="boolean",
            title="Dry run",
            description_md=(
                "Train and judge, and record what would have happened; no version is registered "
                "or becomes challenger."
            ),
        ),
        "approve": _waiting("Approve", "yes"),
        "reject": _waiting("Reject", "no"),
        "without_champion": Param(
            default=False,
            type="boolean",
            title="Without champion",
            description_md=(
                "Only where MLflow lost the champion: let the gates compare with the constant "
                "alone. While there is a champion this changes nothing."
            ),
        ),
    }


def _waiting(title: str, answer: str) -> Param:
    """Parameter with the number of a request that waits for a person."""
    return Param(
        None,
        type=["null", "integer"],
        minimum=1,
        title=title,
        description_md=(
            f"Number of a retrain request that waits for a person (`retraining.mode: approve`): "
            f"say {answer} to it in your name. The reason is kept with it, and no other request "
            "is filed."
        ),
    )


def deploy_parameters() -> dict[str, Param]:
    """Return the parameters of `<model>__deploy`."""
    return {
        "to": Param(
            "challenger",
            type="string",
            pattern="^(challenger|previous|[1-9][0-9]*)$",
            examples=["challenger", "previous"],
            title="To",
            description_md=(
                "Version to roll out: `challenger` (the newest that passed its gates), "
                "`previous` (roll back), or a version's number."
            ),
        )
    }


def score_parameters(unit: str) -> dict[str, Param]:
    """Return the parameters of `<model>__score`.

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
        "to": partition("To", f"… up to and including this {unit}"),
    }


def refuse_unknown(given: Iterable[str], *, declared: Iterable[str], dag_id: str) -> None:
    """Raise unless the DAG declares every given parameter.

    Raises:
        BadParameter: A parameter is unknown; the hint has the nearest declared name.
    """
    known = sorted(declared)
    unknown = sorted(set(given) - set(known))
    if not unknown:
        return
    meant = [close for name in unknown if (close := nearest(name, known))]
    raise BadParameter(
        f"{dag_id} does not take the parameter {', '.join(map(repr, unknown))}",
        expected=f"one of {', '.join(known)}" if known else "no parameters",
        hint=f"did you mean {', '.join(map(repr, meant))}?" if meant else None,
    )
