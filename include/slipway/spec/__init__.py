"""What a dataset and a model are, as their two small folders say it."""

from slipway.spec.dataset import Column, DatasetSpec, Expectation, Stream
from slipway.spec.model import ModelSpec

__all__ = ["Column", "DatasetSpec", "Expectation", "ModelSpec", "Stream"]
