"""Bundled nets: plain torch modules."""

from sk_mixup.nets._convnet import ConvNet
from sk_mixup.nets._embeddings import CategoricalEmbedding, PiecewiseLinearEmbedding
from sk_mixup.nets._external import HuggingFaceNet, TimmNet
from sk_mixup.nets._resnet import ResNet
from sk_mixup.nets._tabular import TabularNet
from sk_mixup.nets._text import BagOfEmbeddings, TextCNN

__all__ = [
    "BagOfEmbeddings",
    "CategoricalEmbedding",
    "ConvNet",
    "HuggingFaceNet",
    "PiecewiseLinearEmbedding",
    "ResNet",
    "TabularNet",
    "TextCNN",
    "TimmNet",
]
