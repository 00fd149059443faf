"""Spell measured figures for people: four digits, and thousands with separators."""

from __future__ import annotations

_WHOLE, _TWO_DIGITS = 1000, 10


def in_figures(value: float) -> str:
    """Return a measured value as text: `104,072`, `24.47`, `0.7312`; never `-0.0000` or `1e+05`.

    Args:
        value: Metric, error or gain.
    """
    size = abs(value)
    if size >= _WHOLE:
        return f"{value:,.0f}"
    text = f"{value:.4f}" if size < _TWO_DIGITS else f"{value:.4g}"
    return text.removeprefix("-") if float(text) == 0 else text


def in_signed_figures(value: float) -> str:
    """Return a gain or a loss as `in_figures` has it, with its sign: `+0.0123`, `-24.47`, `0.0000`.

    Args:
        value: Difference of two metrics.
    """
    text = in_figures(value)
    is_zero = not any(digit in text for digit in "123456789")
    return text if value < 0 or is_zero else f"+{text}"


def in_few_digits(value: float) -> str:
    """Return a number as text with four digits at most, however small it is.

    Args:
        value: Bound, threshold or metric.
    """
    if abs(value) >= _WHOLE:
        return f"{value:,.0f}"
    return "0" if value == 0 else f"{value:.4g}"
