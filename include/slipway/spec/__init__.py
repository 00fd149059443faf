"""Specs: typed values of a dataset's and a model's folder, with line-exact problems."""

from slipway.spec.dataset import Column, DatasetSpec, Expectation, Stream
from slipway.spec.model import ModelSpec

__all__ = ["Column", "DatasetSpec", "Expectation", "ModelSpec", "Stream"]
