"""What was drawn, and how it is applied to inputs and targets."""

from sk_mixup.mixing._batch import sent, sent_together
from sk_mixup.mixing.plans._assembly import AssemblyPlan
from sk_mixup.mixing.plans._boxes import PLACEMENTS, covered, host_span, row_spans
from sk_mixup.mixing.plans._given import (
    as_targets,
    check_class_range,
    check_classes,
    check_width,
    class_targets,
)
from sk_mixup.mixing.plans._labels import class_labels, row_class_counts, row_groups
from sk_mixup.mixing.plans._linear import LinearPlan
from sk_mixup.mixing.plans._masks import (
    BoxPlan,
    MaskPlan,
    SoftMaskPlan,
    check_spatial,
    mask_lam,
    partner_share,
)
from sk_mixup.mixing.plans._members import MemberPlan
from sk_mixup.mixing.plans._pixels import PixelTargets, scaled_places, size_of
from sk_mixup.mixing.plans._plan import MixPlan
from sk_mixup.mixing.plans._puzzle import PuzzlePlan
from sk_mixup.mixing.plans._resize import ResizePlan
from sk_mixup.mixing.plans._rows import take_rows, to_blendable
from sk_mixup.mixing.plans._spans import SpanPlan
from sk_mixup.mixing.plans._stack import StackPlan
from sk_mixup.mixing.plans._swap import Columns, SwapPlan, column_ids, count_columns
from sk_mixup.mixing.plans._targets import (
    MixedTargets,
    mixed_loss,
    output_activation,
    row_means,
    target_form,
    unreduced,
)
from sk_mixup.mixing.plans._union import check_union, joined_masks, united

__all__ = [
    "PLACEMENTS",
    "AssemblyPlan",
    "BoxPlan",
    "Columns",
    "LinearPlan",
    "MaskPlan",
    "MemberPlan",
    "MixPlan",
    "MixedTargets",
    "PixelTargets",
    "PuzzlePlan",
    "ResizePlan",
    "SoftMaskPlan",
    "SpanPlan",
    "StackPlan",
    "SwapPlan",
    "as_targets",
    "check_class_range",
    "check_classes",
    "check_spatial",
    "check_union",
    "check_width",
    "class_labels",
    "class_targets",
    "column_ids",
    "count_columns",
    "covered",
    "host_span",
    "joined_masks",
    "mask_lam",
    "mixed_loss",
    "output_activation",
    "partner_share",
    "row_class_counts",
    "row_groups",
    "row_means",
    "row_spans",
    "scaled_places",
    "sent",
    "sent_together",
    "size_of",
    "take_rows",
    "target_form",
    "to_blendable",
    "united",
    "unreduced",
]
