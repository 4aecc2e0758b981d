"""What was drawn, and how it is applied to inputs and targets."""

from typing import TYPE_CHECKING

from sk_mixup._lazy import lazy_exports

if TYPE_CHECKING:
    from sk_mixup.mixing._batch import sent as sent, sent_together as sent_together
    from sk_mixup.mixing.plans._assembly import AssemblyPlan as AssemblyPlan
    from sk_mixup.mixing.plans._boxes import (
        PLACEMENTS as PLACEMENTS,
        covered as covered,
        host_span as host_span,
        row_spans as row_spans,
    )
    from sk_mixup.mixing.plans._given import (
        as_targets as as_targets,
        check_class_range as check_class_range,
        check_classes as check_classes,
        check_width as check_width,
        class_targets as class_targets,
    )
    from sk_mixup.mixing.plans._labels import (
        class_labels as class_labels,
        row_class_counts as row_class_counts,
        row_groups as row_groups,
    )
    from sk_mixup.mixing.plans._linear import LinearPlan as LinearPlan
    from sk_mixup.mixing.plans._masks import (
        BoxPlan as BoxPlan,
        MaskPlan as MaskPlan,
        SoftMaskPlan as SoftMaskPlan,
        check_spatial as check_spatial,
        mask_lam as mask_lam,
        partner_share as partner_share,
    )
    from sk_mixup.mixing.plans._members import MemberPlan as MemberPlan
    from sk_mixup.mixing.plans._pixels import (
        PixelTargets as PixelTargets,
        scaled_places as scaled_places,
        size_of as size_of,
    )
    from sk_mixup.mixing.plans._plan import MixPlan as MixPlan
    from sk_mixup.mixing.plans._puzzle import PuzzlePlan as PuzzlePlan
    from sk_mixup.mixing.plans._resize import ResizePlan as ResizePlan
    from sk_mixup.mixing.plans._rows import (
        take_rows as take_rows,
        to_blendable as to_blendable,
    )
    from sk_mixup.mixing.plans._spans import SpanPlan as SpanPlan
    from sk_mixup.mixing.plans._stack import StackPlan as StackPlan
    from sk_mixup.mixing.plans._swap import (
        Columns as Columns,
        SwapPlan as SwapPlan,
        column_ids as column_ids,
        count_columns as count_columns,
    )
    from sk_mixup.mixing.plans._targets import (
        MixedTargets as MixedTargets,
        mixed_loss as mixed_loss,
        output_activation as output_activation,
        row_means as row_means,
        target_form as target_form,
        unreduced as unreduced,
    )
    from sk_mixup.mixing.plans._union import (
        check_union as check_union,
        joined_masks as joined_masks,
        united as united,
    )
else:
    __all__ = lazy_exports(
        __name__,
        {
            "sk_mixup.mixing._batch": "sent sent_together",
            "._assembly": "AssemblyPlan",
            "._boxes": "PLACEMENTS covered host_span row_spans",
            "._given": (
                "as_targets check_class_range check_classes check_width class_targets"
            ),
            "._labels": "class_labels row_class_counts row_groups",
            "._linear": "LinearPlan",
            "._masks": (
                "BoxPlan MaskPlan SoftMaskPlan check_spatial mask_lam partner_share"
            ),
            "._members": "MemberPlan",
            "._pixels": "PixelTargets scaled_places size_of",
            "._plan": "MixPlan",
            "._puzzle": "PuzzlePlan",
            "._resize": "ResizePlan",
            "._rows": "take_rows to_blendable",
            "._spans": "SpanPlan",
            "._stack": "StackPlan",
            "._swap": "Columns SwapPlan column_ids count_columns",
            "._targets": (
                "MixedTargets mixed_loss output_activation row_means target_form "
                "unreduced"
            ),
            "._union": "check_union joined_masks united",
        },
    )
