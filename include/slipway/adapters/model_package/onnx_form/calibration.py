"""Write the calibration of a classifier of two classes as ONNX: from its score to a probability."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto
from sklearn.calibration import CalibratedClassifierCV
from sklearn.isotonic import IsotonicRegression

from slipway.adapters.model_package.onnx_form.graph import Graph, NoOnnxForm

TWO = 2
"""Classes that a calibration has an ONNX form of, and least steps of one that rises."""


def write_calibration(graph: Graph, calibrated: CalibratedClassifierCV, score: str) -> str:
    """Add a fitted calibration, and return the name of the probabilities.

    Args:
        graph: The graph to add to.
        calibrated: The calibrated classifier.
        score: Name of what the classifier's calibration takes: its margins, or probabilities.

    Raises:
        NoOnnxForm: It has more than two classes, or one step.
    """
    if len(calibrated.classes_) != TWO:
        raise NoOnnxForm("a calibration has an ONNX form only of two classes")
    [calibrator] = calibrated.calibrated_classifiers_[0].calibrators
    if isinstance(calibrator, IsotonicRegression):
        return _isotonic(graph, calibrator, score)
    slope = graph.constant(np.array([[-calibrator.a_]], dtype=np.float64))
    shift = graph.constant(np.array([[-calibrator.b_]], dtype=np.float64))
    return graph.add("Sigmoid", [graph.add("Add", [graph.add("Mul", [score, slope]), shift])])


def _isotonic(graph: Graph, calibrator: Any, score: str) -> str:
    """Interpolate between the steps, as scipy's `interp1d` does."""
    steps, values = (
        np.asarray(one, dtype=np.float64)
        for one in (calibrator.X_thresholds_, calibrator.y_thresholds_)
    )
    if len(steps) < TWO:
        raise NoOnnxForm("a calibration of one step has no ONNX form")
    low, high = (graph.constant(np.array([[one]])) for one in (steps[0], steps[-1]))
    inside = graph.add("Min", [graph.add("Max", [score, low]), high])
    above = graph.add("Greater", [inside, graph.constant(steps.reshape(1, -1))])
    counts = graph.add("Cast", [above], to=TensorProto.INT64)
    axis = graph.constant(np.array([1], dtype=np.int64))
    place = graph.add("ReduceSum", [counts, axis], keepdims=1)
    first = graph.constant(np.array([[0]], dtype=np.int64))
    last = graph.constant(np.array([[len(steps) - TWO]], dtype=np.int64))
    single = graph.constant(np.array([[1]], dtype=np.int64))
    before = graph.add("Sub", [place, single])
    below = graph.add("Min", [graph.add("Max", [before, first]), last])
    slopes = (values[1:] - values[:-1]) / (steps[1:] - steps[:-1])
    start, base, slope = (
        graph.add("Gather", [graph.constant(one), below], axis=0)
        for one in (steps[:-1], values[:-1], slopes)
    )
    return graph.add("Add", [graph.add("Mul", [slope, graph.add("Sub", [inside, start])]), base])
