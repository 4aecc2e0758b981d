"""Bundled nets: plain torch modules."""

from sk_mixup.nets._embeddings import CategoricalEmbedding, PiecewiseLinearEmbedding
from sk_mixup.nets._tabular import TabularNet

__all__ = ["CategoricalEmbedding", "PiecewiseLinearEmbedding", "TabularNet"]
