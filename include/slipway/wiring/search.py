"""Wire the tools of a search, which are imported once a search begins."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from slipway.settings import Settings

if TYPE_CHECKING:
    from slipway.stages.ports.tuning import EndedTrial, OpenStudy, Study, StudyPlan, Workers
    from slipway.stages.search.fold_fits import FoldFits


def open_study(settings: Settings) -> OpenStudy:
    """Return what opens a study in the database that the settings name."""

    def open_one(plan: StudyPlan, ended: Sequence[EndedTrial]) -> AbstractContextManager[Study]:
        from slipway.adapters.tuning import StudyDatabase

        url = None if settings.study_db is None else settings.study_db.get_secret_value()
        return StudyDatabase(url, folder=settings.scratch / "studies").open_study(plan, ended)

    return open_one


def open_processes(fits: FoldFits, count: int) -> AbstractContextManager[Workers]:
    """Open processes that fit trials."""
    from slipway.adapters import tuning

    return tuning.open_processes(fits, count)
