"""Several workers share a search: numbers, budget and what each learns from the others."""

from __future__ import annotations

import pytest

from slipway.records.run_records import RunRef
from slipway.spec.model import Estimator
from slipway.stages.search.journal import Journal
from slipway.stages.search.shares import WHOLE, Share
from slipway.stages.search.trials import Candidate, Trial
from tests.fakes.memory_store import MemoryStore
from tests.support.scripted_search import OWN, REF, RIDGE, Scripted, attempt, run


def worker(number: int) -> RunRef:
    """A worker's part of the search."""
    return REF.beside(f"search_{number}")


def journal(store: MemoryStore, number: int) -> Journal:
    """The trials, as an attempt of a worker reads and keeps them."""
    return Journal(attempt(store, worker(number)), "abc")


def fitted(script: Scripted) -> list[float]:
    """Values that were fitted, in order."""
    return [alpha for alpha, fold in script.fits if fold == 0]


@pytest.mark.parametrize("workers", [1, 2, 3, 7])
def test_shares_are_disjoint_and_whole(workers: int) -> None:
    """Each number is of one worker."""
    shares = [Share(workers, [one]) for one in range(1, workers + 1)]
    for number in range(50):
        assert sum(share.holds(number) for share in shares) == 1
        assert WHOLE.holds(number)


def test_each_worker_tries_its_own_numbers_of_one_budget() -> None:
    """Five trials are those of the study; the spec's own parameters are measured once."""
    store = MemoryStore()
    scripts = {one: Scripted() for one in (1, 2)}
    for one, script in scripts.items():
        trials = run(script, journal=journal(store, one), share=Share(2, [one]))
    assert fitted(scripts[1]) == [0.0, 2.0, 4.0]
    assert fitted(scripts[2]) == [1.0, 3.0, 5.0]
    assert [one.number for one in trials] == list(range(6))


def test_a_worker_learns_from_the_others_before_each_proposal() -> None:
    """What another has ended meanwhile is read once, and is in its study."""
    store = MemoryStore()
    other = journal(store, 2)

    def end_one(alpha: float) -> None:
        if alpha == 2.0:
            made = Candidate("trial 1", Estimator(name=RIDGE), {"alpha": 9.0})
            other.keep(Trial(1, made, (9.0, 9.0, 9.0), "complete", 1.0))

    script = Scripted(before_submit=end_one)
    trials = run(script, journal=journal(store, 1), share=Share(2, [1]))
    assert [(one.number, one.value) for one in script.added] == [(1, 9.0)]
    assert [one.number for one in script.told] == [2, 4]
    assert [one.number for one in trials] == [0, 1, 2, 4]


def test_own_parameters_that_another_kept_first_count() -> None:
    """Both measure them, since none waits; one trial stands."""
    store = MemoryStore()
    other = journal(store, 2)

    def end_one(alpha: float) -> None:
        if alpha == 0.0:
            other.keep(Trial(0, OWN, (0.5, 0.5, 0.5), "complete", 1.0))

    trials = run(
        Scripted(before_submit=end_one), journal=journal(store, 1), share=Share(2, [1]), trials=2
    )
    assert trials[0].scores == (0.5, 0.5, 0.5)


def test_time_is_a_budget_of_the_study() -> None:
    """A worker that begins late has what the others have left: two of eight seconds."""
    store = MemoryStore()
    run(Scripted(), journal=journal(store, 1), share=Share(2, [1]), minutes=8 / 60)
    late = Scripted()
    run(late, journal=journal(store, 2), share=Share(2, [2]), minutes=8 / 60)
    assert late.fits == [(1.0, 0), (1.0, 1)]


def test_a_worker_that_is_gone_takes_no_trial_with_it() -> None:
    """The others end theirs, and a retry goes on with the same numbers."""
    store = MemoryStore()

    def kill(alpha: float) -> None:
        if alpha == 3.0:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(Scripted(before_submit=kill), journal=journal(store, 2), share=Share(2, [2]))
    run(Scripted(), journal=journal(store, 1), share=Share(2, [1]))
    retried = Scripted()
    trials = run(retried, journal=journal(store, 2), share=Share(2, [2]))
    assert fitted(retried) == [3.0, 5.0]
    assert [one.number for one in trials] == list(range(6))


def test_recipes_are_shared_and_what_is_needed_is_judged_at_the_end() -> None:
    """A worker that began and ended nothing is left out, but for the first two recipes."""
    recipes = [Candidate(f"r{n}", Estimator(name=RIDGE, params={"alpha": n}), {}) for n in range(5)]
    store, script, last = MemoryStore(), Scripted(), Scripted()
    run(
        script,
        journal=journal(store, 2),
        share=Share(2, [2]),
        given=recipes,
        always=0,
        is_study=False,
    )
    assert fitted(script) == [1.0, 3.0]
    trials = run(last, store, share=Share(2, []), given=recipes, always=2, is_study=False)
    assert fitted(last) == [0.0]
    assert [one.candidate.name for one in trials] == ["r0", "r1", "r3"]
