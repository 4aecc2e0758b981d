"""Bundled nets: plain torch modules."""

from sk_mixup.nets._batch_ensemble import EnsembleLinear, joined_output
from sk_mixup.nets._convnet import ConvNet
from sk_mixup.nets._dropout import (
    Dropout,
    ExactDropout,
    dropout_from,
    dropout_generator,
    mask_of_bytes,
)
from sk_mixup.nets._embeddings import CategoricalEmbedding, PiecewiseLinearEmbedding
from sk_mixup.nets._excelformer import ExcelFormer
from sk_mixup.nets._exporting import is_exported, places_in
from sk_mixup.nets._external import HuggingFaceNet, TimmNet
from sk_mixup.nets._ft_transformer import FTTransformer
from sk_mixup.nets._gates import Gate
from sk_mixup.nets._mil import AttentionMIL
from sk_mixup.nets._periodic import PeriodicEmbedding
from sk_mixup.nets._resnet import ResNet
from sk_mixup.nets._tabular import TabularNet
from sk_mixup.nets._tabular_resnet import TabularResNet
from sk_mixup.nets._text import BagOfEmbeddings, MaskedEmbedding, TextCNN
from sk_mixup.nets._tokens import FeatureTokens

__all__ = [
    "AttentionMIL",
    "BagOfEmbeddings",
    "CategoricalEmbedding",
    "ConvNet",
    "Dropout",
    "EnsembleLinear",
    "ExactDropout",
    "ExcelFormer",
    "FTTransformer",
    "FeatureTokens",
    "Gate",
    "HuggingFaceNet",
    "MaskedEmbedding",
    "PeriodicEmbedding",
    "PiecewiseLinearEmbedding",
    "ResNet",
    "TabularNet",
    "TabularResNet",
    "TextCNN",
    "TimmNet",
    "dropout_from",
    "dropout_generator",
    "is_exported",
    "joined_output",
    "mask_of_bytes",
    "places_in",
]
