"""Steps of a script: what people, DAGs and accidents do, in words that a person can replay."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

GOOD, CRASHING, UNREADY, REFUSED = "good", "crashing", "never ready", "refused"
QUALITIES = (GOOD, CRASHING, UNREADY, REFUSED)

SENTENCES = {
    "train": "the train DAG makes a version that is {what}",
    "deploy": "the deploy DAG runs",
    "roll back": "`to: previous` by {what}",
    "roll back twice": "two people ask for `to: previous` at once",
    "delete version": "a person deletes the {what}'s version in MLflow",
    "delete alias": "a person deletes the alias `{what}` in MLflow",
    "move champion": "a person moves the alias `champion` to the {what} version in MLflow",
    "delete model": "a person deletes the registered model in MLflow",
    "deliver": "batch {what} is delivered and ingested",
    "MLflow goes": "MLflow does not answer from now on",
    "MLflow returns": "MLflow answers again",
    "platform restarts": "the platform is killed and started again",
    "platform goes": "the platform is stopped",
    "platform returns": "the platform is started again",
    "time passes": "{what} seconds pass on the clock of leases",
}


@dataclass(frozen=True)
class Step:
    """One step of a script.

    Attributes:
        do: A key of `SENTENCES`.
        what: Fills the sentence.
        at: Number of the write before which something happens to it; None: nothing does.
        meanwhile: What happens then, while its process stands still; empty: it is killed.
        is_retried: Whether Airflow tries the killed task again.
    """

    do: str
    what: str = ""
    at: int | None = None
    meanwhile: tuple[Step, ...] = ()
    is_retried: bool = False

    def lines(self, number: str) -> Iterator[str]:
        """The step in words, what happens meanwhile indented below it."""
        text = SENTENCES[self.do].format(what=self.what)
        if self.at is None:
            yield f"{number} {text}"
            return
        if not self.meanwhile:
            again = ", then tried again" if self.is_retried else ""
            yield f"{number} {text}; killed before its write {self.at + 1}{again}"
            return
        yield f"{number} {text}; before its write {self.at + 1}, it stands still while"
        for index, step in enumerate(self.meanwhile):
            yield from (f"   {line}" for line in step.lines(f"{chr(ord('a') + index)})"))


def in_words(script: Sequence[Step]) -> str:
    """A script as numbered sentences."""
    lines = (line for number, step in enumerate(script, 1) for line in step.lines(f"{number}."))
    return "\n".join(lines)
