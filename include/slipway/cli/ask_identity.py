"""Ask a person at a terminal which columns identify a row, and which has its time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import click

from slipway.errors import BadParameter

if TYPE_CHECKING:
    from slipway.stages.profile.event_time import TimeGuess
    from slipway.stages.profile.identity import KeyGuess
    from slipway.stages.profile.measured import Measured
    from slipway.stages.profile.new_specs import NewSpecs

T = TypeVar("T")


@dataclass(frozen=True)
class Told:
    """Key and event time that a person named; None: the guess is taken.

    Attributes:
        key: Key.
        time: Event time.
    """

    key: KeyGuess | None = None
    time: TimeGuess | None = None


def ask_identity(measured: Measured, plan: NewSpecs, told: Told) -> Told:
    """Ask for the key and the event time that were guessed; an empty answer takes the guess.

    Args:
        measured: The file.
        plan: Plan with the guesses.
        told: What options named; it is not asked for.
    """
    from slipway.stages.profile.told_identity import ARRIVAL, ROW, told_event_time, told_key

    def names(answer: str) -> list[str]:
        # A name may hold a comma itself.
        parts = [answer] if answer in measured.columns else answer.split(",")
        return [part.strip() for part in parts]

    key, time = told.key, told.time
    if key is None:
        guess = ", ".join(plan.key.columns) or ROW
        question = f"Which columns identify a row (commas between them, or `{ROW}`)?"
        key = _ask(question, guess, lambda answer: told_key(measured, names(answer)))
    if time is None:
        guess = ", ".join(plan.time.columns) or ARRIVAL
        question = f"Which column has the time of a row (or `{ARRIVAL}`)?"
        time = _ask(question, guess, lambda answer: told_event_time(measured, names(answer)))
    return Told(key, time)


def _ask(question: str, guess: str, take: Callable[[str], T]) -> T | None:
    while True:
        answer = click.prompt(question, default=guess)
        if answer == guess:
            return None
        try:
            return take(answer)
        except BadParameter as error:
            click.echo(str(error))
