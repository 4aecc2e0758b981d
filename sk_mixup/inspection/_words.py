"""What stands beside the samples of a preview: lambdas, labels and a heading."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from sk_mixup.inspection._samples import as_text
from sk_mixup.mixing import MixPreview

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def heading(preview: MixPreview) -> str:
    """Return the name of the method, and of the layer that it mixes."""
    if preview.site is None:
        return preview.method
    return f"{preview.method}, at the layer {preview.site!r}"


def titles(preview: MixPreview, part: str, labels: ArrayLike | None) -> list[str]:
    """Return a line of text per mixed row.

    Parameters
    ----------
    preview : MixPreview
    part : {"own", "partner", "mixed"}
        Which of its samples; the mixed ones are called by their lambda.
    labels : array-like of shape (B,) or None
        Of the rows that the preview was given.

    Returns
    -------
    lines : list of str
    """
    if part == "mixed":
        lams = preview.lam.tolist()
        weights = preview.label_weights[0].tolist()
        return [
            f"λ = {lam:.2f}" + ("" if abs(lam - w) < 0.005 else f" (label {w:.2f})")
            for lam, w in zip(lams, weights, strict=True)
        ]
    targets = target_texts(preview, labels)
    return [""] * len(preview.lam) if targets is None else targets[part]


def target_texts(
    preview: MixPreview, labels: ArrayLike | None
) -> dict[str, list[str]] | None:
    """Return own, partner's and mixed label of each mixed row.

    None where nobody knows them: without one label per row, or with partners from
    earlier batches.
    """
    labels = None if labels is None else np.asarray(labels)
    plan = preview.plan
    if labels is None or labels.ndim != 1 or plan.pool is not None:
        return None
    own = plan.own_rows(torch.arange(plan.n_rows)).tolist()
    texts = [as_text(label) for label in labels.tolist()]
    found = {
        "own": [texts[i] for i in own],
        "partner": [texts[i] for i in plan.partner.tolist()],
    }
    if preview.targets is not None and preview.targets.ndim == 1:
        found["mixed"] = [as_text(value) for value in preview.targets.tolist()]
        return found
    found["mixed"] = [
        a if a == b else f"{w:.2f} × {a}\n+ {1 - w:.2f} × {b}"
        for a, b, w in zip(
            found["own"],
            found["partner"],
            preview.label_weights[0].tolist(),
            strict=True,
        )
    ]
    return found
