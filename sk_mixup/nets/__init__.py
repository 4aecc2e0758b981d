"""Bundled nets: plain torch modules."""

from typing import TYPE_CHECKING

from sk_mixup._lazy import lazy_exports

if TYPE_CHECKING:
    from sk_mixup.nets._batch_ensemble import (
        EnsembleLinear as EnsembleLinear,
        joined_output as joined_output,
    )
    from sk_mixup.nets._convnet import ConvNet as ConvNet
    from sk_mixup.nets._dropout import (
        Dropout as Dropout,
        ExactDropout as ExactDropout,
        dropout_from as dropout_from,
        dropout_generator as dropout_generator,
        mask_of_bytes as mask_of_bytes,
    )
    from sk_mixup.nets._embeddings import (
        CategoricalEmbedding as CategoricalEmbedding,
        PiecewiseLinearEmbedding as PiecewiseLinearEmbedding,
    )
    from sk_mixup.nets._excelformer import ExcelFormer as ExcelFormer
    from sk_mixup.nets._exporting import (
        is_exported as is_exported,
        places_in as places_in,
    )
    from sk_mixup.nets._external import (
        HuggingFaceNet as HuggingFaceNet,
        TimmNet as TimmNet,
    )
    from sk_mixup.nets._ft_transformer import FTTransformer as FTTransformer
    from sk_mixup.nets._gates import (
        Gate as Gate,
        n_gated_members as n_gated_members,
    )
    from sk_mixup.nets._mil import AttentionMIL as AttentionMIL
    from sk_mixup.nets._periodic import PeriodicEmbedding as PeriodicEmbedding
    from sk_mixup.nets._resnet import ResNet as ResNet
    from sk_mixup.nets._tabular import TabularNet as TabularNet
    from sk_mixup.nets._tabular_resnet import TabularResNet as TabularResNet
    from sk_mixup.nets._text import (
        BagOfEmbeddings as BagOfEmbeddings,
        MaskedEmbedding as MaskedEmbedding,
        TextCNN as TextCNN,
    )
    from sk_mixup.nets._tokens import FeatureTokens as FeatureTokens
else:
    __all__ = lazy_exports(
        __name__,
        {
            "._batch_ensemble": "EnsembleLinear joined_output",
            "._convnet": "ConvNet",
            "._dropout": (
                "Dropout ExactDropout dropout_from dropout_generator mask_of_bytes"
            ),
            "._embeddings": "CategoricalEmbedding PiecewiseLinearEmbedding",
            "._excelformer": "ExcelFormer",
            "._exporting": "is_exported places_in",
            "._external": "HuggingFaceNet TimmNet",
            "._ft_transformer": "FTTransformer",
            "._gates": "Gate n_gated_members",
            "._mil": "AttentionMIL",
            "._periodic": "PeriodicEmbedding",
            "._resnet": "ResNet",
            "._tabular": "TabularNet",
            "._tabular_resnet": "TabularResNet",
            "._text": "BagOfEmbeddings MaskedEmbedding TextCNN",
            "._tokens": "FeatureTokens",
        },
    )
