"""Compare a refit with the judged model on the holdout, which the refit has seen; pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from slipway.records.verdicts import Number
from slipway.spec.metrics import METRICS
from slipway.stages.gates.gate_numbers import finite
from slipway.stages.model.agreement import EVIDENCE, Agreement
from slipway.values.figures import in_figures

LEAST_RANK_CORRELATION = 0.3
"""Measured on noisy classes, 1,500 and 8,000 rows, areas under the curve of 0.52 to 0.85: linear
models reach 0.98 and more, boosted trees and forests 0.45 to 0.93. A tree without a limit and the
nearest neighbour, which learn rows by heart, reach -0.03 to 0.34."""

LEAD_SHARE, VALUE_SHARE = 0.1, 0.01
"""The refit's metric may be worse by the greater of these shares of what the judged model gains on
a constant, and of the judged model's metric."""


@dataclass(frozen=True)
class RefitCheck:
    """Figures of a refit and of the judged model on the same rows.

    Attributes:
        rows: Number of rows.
        metric: First metric of the gates.
        judged: Its value by the judged model; None: it cannot be computed.
        refit: The same by the refit, which has seen the rows.
        constant: The same by a constant.
        agreement: Agreement of the refit's scores with the judged model's; None: not comparable.
        rank_correlation: Spearman's correlation of both; None: not comparable.
    """

    rows: int
    metric: str
    judged: float | None
    refit: float | None
    constant: float | None
    agreement: Agreement | None
    rank_correlation: float | None

    @property
    def tolerance(self) -> float | None:
        """How much worse the refit's metric may be; None: it cannot be computed."""
        judged, constant = finite(self.judged), finite(self.constant)
        if judged is None:
            return None
        lead = 0.0 if constant is None else abs(judged - constant)
        return max(LEAD_SHARE * lead, VALUE_SHARE * abs(judged))

    def numbers(self) -> dict[str, Number]:
        """Return the figures as numbers of a verdict."""
        agreement = dict.fromkeys(EVIDENCE) if self.agreement is None else self.agreement.numbers()
        return {
            "refit.rows": self.rows,
            f"judged.{self.metric}": finite(self.judged),
            f"refit.{self.metric}": finite(self.refit),
            "refit.tolerance": self.tolerance,
            **{f"refit.{name}": value for name, value in agreement.items()},
            "refit.rank_correlation": self.rank_correlation,
        }

    def objections(self) -> list[str]:
        """Return why the refit may not take the judged model's place; empty when it may."""
        return [*self._worse(), *self._unlike()]

    def _worse(self) -> Iterator[str]:
        judged, refit, tolerance = finite(self.judged), finite(self.refit), self.tolerance
        if judged is None or refit is None or tolerance is None:
            yield f"{self.metric} of refit and judged model cannot be computed"
            return
        sign = 1 if METRICS[self.metric].greater_is_better else -1
        if sign * (judged - refit) > tolerance:
            yield (
                f"its {self.metric} is {in_figures(refit)} on rows that it has seen, and the "
                f"judged model's, which had not seen them, {in_figures(judged)} "
                f"({in_figures(tolerance)} worse is allowed)"
            )

    def _unlike(self) -> Iterator[str]:
        if self.rank_correlation is None:
            yield "its predictions cannot be compared with the judged model's"
        elif self.rank_correlation < LEAST_RANK_CORRELATION:
            yield (
                f"its predictions rank the rows unlike the judged model's: the rank correlation "
                f"is {self.rank_correlation:.2f}, at least {LEAST_RANK_CORRELATION:g} is needed"
            )

    def __str__(self) -> str:
        told = f"{self.metric} {_shown(self.refit)} (judged model {_shown(self.judged)})"
        if self.agreement is None or self.rank_correlation is None:
            return told
        return (
            f"{told}, rank correlation {self.rank_correlation:.2f}, mean difference "
            f"{self.agreement.disagreement:.3g} at a spread of {self.agreement.spread:.3g}"
        )


def _shown(value: float | None) -> str:
    found = finite(value)
    return "not computable" if found is None else in_figures(found)
