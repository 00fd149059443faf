"""Specs: typed values of a dataset's and a model's folder, with line-exact problems."""

from slipway.spec.dataset import DatasetSpec, Expectation, Stream
from slipway.spec.dataset_column import Column
from slipway.spec.model import ModelSpec

__all__ = ["Column", "DatasetSpec", "Expectation", "ModelSpec", "Stream"]
