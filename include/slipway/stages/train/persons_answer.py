"""Take a person's yes or no to a retrain request that waits for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from slipway.errors import BadParameter
from slipway.records import requests
from slipway.records.approvals import Answer, Approval, find_approval, give_approval

if TYPE_CHECKING:
    from slipway.records.requests import Request
    from slipway.records.store import Store


@dataclass(frozen=True)
class PersonsAnswer:
    """What a person says to a request.

    Attributes:
        number: Number of the request.
        answer: `yes` or `no`.
        by: The person's name.
        reason: In the person's words; may be empty.
    """

    number: int
    answer: Answer
    by: str
    reason: str = ""


def give_answer(store: Store, model: str, said: PersonsAnswer) -> Approval:
    """Record a person's answer to an undecided automatic request; a repeat changes nothing.

    Args:
        store: Store of the requests.
        model: Name of the model.
        said: What the person says.

    Raises:
        BadParameter: The person has no name, or the request does not wait for an answer.
        NotFound: There is no such request.
    """
    by, reason = said.by.strip(), said.reason.strip().removesuffix(".")
    request = requests.read_request(store, model, said.number)
    if not by:
        raise _refusal(request, expected="the person's name", found="no name")
    known = find_approval(store, request)
    if known is None:
        _require_waiting(store, request)
        known = give_approval(store, request, answer=said.answer, by=by, reason=reason)
    if (known.answer, known.by) != (said.answer, by):
        found = f"the answer {known.answer} of {known.by}, given at {known.at[:16]} UTC"
        raise _refusal(request, expected="a request without an answer", found=found)
    return known


def _require_waiting(store: Store, request: Request) -> None:
    decision = requests.find_decision(store, request)
    if request.kind == "person":
        raise _refusal(
            request, expected="an automatic request", found="a person's, which waits for nobody"
        )
    if decision is not None:
        found = "an accepted request"
        if decision.action != "accept":
            found = f"a suppressed one: {decision.reason}"
        hint = (
            f"`slipway run accept --model {request.model} --reason …` asks for a training, in "
            "every mode"
        )
        raise _refusal(request, expected="a request that waits", found=found, hint=hint)


def _refusal(
    request: Request, *, expected: str, found: str, hint: str | None = None
) -> BadParameter:
    return BadParameter(
        f"request {request.number} of {request.model} cannot be answered",
        expected=expected,
        found=found,
        hint=hint or "`slipway status` lists the requests that wait",
    )
