"""Random scripts by seed, and the shortest part of a failing one that still fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from random import Random

from tests.support.theorem.steps import CRASHING, GOOD, QUALITIES, REFUSED, UNREADY, Step

Script = tuple[Step, ...]

LONGEST_STAGE_CHAIN = 70
"""No chain of stages makes more writes."""

KILLABLE = ("train", "deploy", "roll back", "deliver")
NESTED_STEPS = 2


def random_script(seed: int, *, steps: int = 9) -> Script:
    """A script that begins with a good version, which serves; the same for the same seed.

    Args:
        seed: Seed of the generator.
        steps: Number of steps after the first two.
    """
    random = Random(seed)
    made = (_step(random, depth=0) for _ in range(steps))
    return (Step("train", GOOD), Step("deploy"), *made)


def rollout_script(seed: int, *, steps: int = 2) -> Script:
    """A script in which the rollout of a second good version is killed or stands still.

    Args:
        seed: Seed of the generator.
        steps: Number of steps after that.
    """
    random = Random(seed)
    good = (Step("train", GOOD), Step("deploy"), Step("train", GOOD))
    stopped = _stopped(random, Step("deploy"), depth=0)
    return (*good, stopped, *(_step(random, depth=0) for _ in range(steps)))


def _step(random: Random, *, depth: int) -> Step:
    do = random.choices(list(_CHOICES), [weight for weight, _ in _CHOICES.values()])[0]
    step = Step(do, random.choice(_CHOICES[do][1]))
    is_whole = do not in KILLABLE or random.random() < 0.3
    return step if is_whole else _stopped(random, step, depth=depth)


def _stopped(random: Random, step: Step, *, depth: int) -> Step:
    """A step that is killed or stands still before one of its writes."""
    at = random.randrange(LONGEST_STAGE_CHAIN)
    if depth or random.random() < 0.5:
        return replace(step, at=at, is_retried=random.random() < 0.5)
    count = random.randint(1, NESTED_STEPS)
    return replace(step, at=at, meanwhile=tuple(_step(random, depth=1) for _ in range(count)))


_CHOICES: dict[str, tuple[int, Sequence[str]]] = {
    "train": (6, (*QUALITIES, GOOD, GOOD, GOOD, CRASHING, UNREADY, REFUSED)),
    "deploy": (10, ("",)),
    "roll back": (3, ("the DAG", "a shell")),
    "roll back twice": (1, ("",)),
    "delete version": (2, ("champion", "previous", "challenger")),
    "delete alias": (1, ("champion", "previous", "challenger")),
    "move champion": (1, ("oldest", "newest")),
    "delete model": (1, ("",)),
    "deliver": (2, ("1", "2", "2 again, changed")),
    "MLflow goes": (1, ("",)),
    "MLflow returns": (2, ("",)),
    "platform restarts": (2, ("",)),
    "platform goes": (1, ("",)),
    "platform returns": (2, ("",)),
    "time passes": (1, ("400",)),
}


def shrink(script: Script, fails: Callable[[Script], bool]) -> Script:
    """A shortest part of a failing script: nothing can be left out of it, and nothing be plainer.

    Args:
        script: A script that fails.
        fails: Whether a script fails.
    """
    while True:
        plainer = next((one for one in _plainer(script) if fails(one)), None)
        if plainer is None:
            return script
        script = plainer


def _plainer(script: Script) -> Iterator[Script]:
    for size in (4, 2, 1):
        for start in range(0, len(script), size):
            yield script[:start] + script[start + size :]
    for index, step in enumerate(script):
        for other in _plainer_steps(step):
            yield (*script[:index], *other, *script[index + 1 :])


def _plainer_steps(step: Step) -> Iterator[Script]:
    """Plainer steps in place of one, the plainest first."""
    if step.at is None:
        if step.do == "train" and step.what != GOOD:
            yield (replace(step, what=GOOD),)
        return
    yield (replace(step, at=None, meanwhile=(), is_retried=False),)
    if step.is_retried:
        yield (replace(step, is_retried=False),)
    if step.meanwhile:
        yield from _with_less_meanwhile(step)
    if step.at > 0:
        yield (replace(step, at=step.at // 2),)
        yield (replace(step, at=step.at - 1),)


def _with_less_meanwhile(step: Step) -> Iterator[Script]:
    """A step beside which less happens, or happens after it."""
    inside = step.meanwhile
    yield (replace(step, meanwhile=()),)
    yield (replace(step, at=None, meanwhile=()), *inside)
    for index, inner in enumerate(inside):
        before, after = inside[:index], inside[index + 1 :]
        if before or after:
            yield (replace(step, meanwhile=before + after),)
        for other in _plainer_steps(inner):
            yield (replace(step, meanwhile=(*before, *other, *after)),)
