"""Draw one batch of photographs as each image method mixes it.

    python examples/mixing_gallery.py [--output DIR]

The photographs ship with scikit-learn. Every method of `list_methods()` that mixes
images at the input gets a line, with the same partners and random numbers for all; λ is
the share of the own image. Methods that differ from these in their labels or partners
alone are left out, and so are those that ask a net about the batch. A second picture
shows the laws of λ.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.datasets import load_sample_images
from torch.nn.functional import interpolate

from sk_mixup.inspection import MixDisplay
from sk_mixup.mixing import MixPreview, MixStreams, list_methods

# Photograph (0: pagoda, 1: flower), top, left and side of the squares to cut.
CROPS = [
    (0, 12, 10, 400),
    (1, 70, 155, 300),
    (0, 160, 75, 190),
    (1, 150, 225, 160),
    (0, 215, 425, 212),
    (1, 0, 20, 420),
]
# Their pictures are those of Mixup or another method given to them.
LEFT_OUT = ("combining", "imbalance", "regression", "tabular")
# Those of TransMix are CutMix's: it weighs the labels by what a net attends to.
ALIKE = ("trans_mix",)
# The usual alpha of 0.2 gives blends too faint to see.
SETTINGS: dict[str, dict[str, Any]] = {"mixup": {"alpha": 1.0}}
ALPHAS = [0.1, 0.2, 0.4, 1.0, 2.0, 8.0]


def load_batch(size: int) -> torch.Tensor:
    """Return squares of both photographs, of shape (6, 3, size, size), in [0, 1]."""
    photographs = load_sample_images().images
    squares = []
    for which, top, left, side in CROPS:
        square = photographs[which][top : top + side, left : left + side]
        image = torch.tensor(square).permute(2, 0, 1).unsqueeze(0) / 255
        squares.append(
            interpolate(image, (size, size), mode="bilinear", antialias=True)
        )
    return torch.cat(squares).clamp(0, 1)


def preview_all(images: torch.Tensor, seed: int) -> dict[str, MixPreview]:
    """Mix the batch by each method that can, with the same draws."""
    labels = torch.tensor([which for which, *_ in CROPS])
    previews = {}
    for name, info in list_methods().items():
        if info.group in LEFT_OUT or name in ALIKE:
            continue
        method = info.method().set_params(**SETTINGS.get(name, {}))
        if "per" in info.defaults:
            method.set_params(per="row")
        streams = MixStreams(
            *(torch.Generator().manual_seed(seed + i) for i in range(4))
        )
        try:
            preview = method.preview(images, labels, generator=streams)
        except (TypeError, ValueError):
            continue  # A method for hidden layers or other input.
        if preview.mixed is not None:
            previews[f"{info.method.__name__}\n{info.paper}"] = preview
    return previews


def mixed_rows(preview: MixPreview, n: int) -> torch.Tensor:
    """Return the rows to show: of several copies the first that is mixed."""
    rows = torch.arange(len(preview.lam))
    if len(rows) > n:
        rows = rows[preview.lam < 1]
    return rows[:n]


def draw_gallery(size: int, seed: int, path: Path) -> list[str]:
    """Save the gallery; return the names of its lines."""
    images = load_batch(size)
    # What nets are given: the noise of NoisyFeatureMixup is meant for unit variance.
    mean, std = images.mean((0, 2, 3), True), images.std((0, 2, 3), keepdim=True)
    previews = preview_all((images - mean) / std, seed)
    n = len(images)
    first = next(iter(previews.values()))
    lines = [
        ("own", first.x, None),
        ("partner", first.partners[:n], None),
    ]
    for name, preview in previews.items():
        rows = mixed_rows(preview, n)
        lines.append((name, preview.mixed[rows], preview.lam[rows]))
    figure, axes = plt.subplots(
        len(lines),
        n,
        figsize=(1.3 * n + 1.9, 1.3 * len(lines)),
        gridspec_kw={"wspace": 0.04, "hspace": 0.04},
    )
    for line, (name, batch, lam) in zip(axes, lines, strict=True):
        pixels = (batch * std + mean).clamp(0, 1).permute(0, 2, 3, 1).numpy()
        for c, ax in enumerate(line):
            ax.imshow(pixels[c], interpolation="lanczos")
            ax.axis("off")
            if lam is not None:
                ax.text(
                    0.04,
                    0.05,
                    f"λ {lam[c]:.2f}",
                    color="white",
                    fontsize=8,
                    transform=ax.transAxes,
                    bbox={"facecolor": "black", "alpha": 0.6, "pad": 1.5, "lw": 0},
                )
        title, _, paper = name.partition("\n")
        place = {"transform": line[0].transAxes, "ha": "right"}
        middle = 0.5 if not paper else 0.53
        align = "center" if not paper else "bottom"
        line[0].text(-0.08, middle, title, va=align, fontsize=11, **place)
        if paper:
            paper = paper.replace(", ", ",\n", 1)
            line[0].text(
                -0.08, 0.49, paper, va="top", fontsize=7.5, color="0.4", **place
            )
    width, height = figure.get_size_inches()
    figure.subplots_adjust(
        left=1.85 / width,
        right=1 - 0.05 / width,
        bottom=0.05 / height,
        top=1 - 0.05 / height,
    )
    save(figure, path)
    return [name.partition("\n")[0] for name in previews]


def draw_laws(path: Path) -> None:
    """Save the densities of lambda, and of lambda folded."""
    plt.style.use("sk_mixup.inspection.pictures")
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
    for ax, fold in zip(np.ravel(axes), (False, True), strict=True):
        MixDisplay.from_alpha(ALPHAS, fold=fold, ax=ax)
        ax.set_title("max(λ, 1 − λ), as Mixup draws it" if fold else "Beta(α, α)")
    save(figure, path)


def save(figure: Any, path: Path) -> None:
    """Write a PNG and forget the figure."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # In all its colours: dithering would look like the noise of a method.
    figure.savefig(path, dpi=80, pil_kwargs={"optimize": True})
    plt.close(figure)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--output", type=Path, metavar="DIR", default=Path("docs"))
    add("--size", type=int, default=96, help="pixels per side of an image")
    # By default a draw in which every pair is of two photographs, no mix too faint.
    add("--random-state", type=int, default=130)
    args = parser.parse_args()
    gallery = args.output / "mixing_gallery.png"
    names = draw_gallery(args.size, args.random_state, gallery)
    laws = args.output / "lambda_law.png"
    draw_laws(laws)
    print(f"{gallery}: {', '.join(names)}")
    print(laws)


if __name__ == "__main__":
    main()
