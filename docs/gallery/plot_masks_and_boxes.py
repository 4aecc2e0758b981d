"""
Masks and boxes go with their images
====================================

One plan mixes images, masks of classes and boxes around objects. What a box covers is
hidden, what comes with it is new, and what is left of an object keeps a smaller box. An
outline of pixels that do not count stays one, wherever it is pasted.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.colors import ListedColormap
from matplotlib.patches import Rectangle

from sk_mixup.mixing import CutMix, FMix, Mixup, ResizeMix

COLORS = np.array([[0.9, 0.35, 0.2], [0.2, 0.55, 0.9], [0.95, 0.8, 0.25]])
SIZE = 64
IGNORED = 255


def scene(seed):
    """Return an image with three shapes, its mask, and boxes with their labels."""
    random = np.random.default_rng(seed)
    image = np.full((SIZE, SIZE, 3), 0.92) + 0.02 * random.standard_normal(
        (SIZE, SIZE, 1)
    )
    mask = np.zeros((SIZE, SIZE), dtype=np.uint8)
    down, across = np.mgrid[:SIZE, :SIZE]
    boxes, labels = [], []
    for kind in random.permutation(3):
        radius = int(random.integers(8, 13))
        y, x = random.integers(radius + 1, SIZE - radius - 1, 2)
        distance = {
            0: np.hypot(down - y, across - x),
            1: np.maximum(abs(down - y), abs(across - x)),
            2: abs(down - y) + abs(across - x),
        }[int(kind)]
        image[distance <= radius] = COLORS[kind]
        mask[distance <= radius] = IGNORED
        mask[distance <= radius - 2] = kind + 1
        boxes.append([x - radius, y - radius, x + radius + 1, y + radius + 1])
        labels.append(int(kind))
    image = torch.from_numpy(image).float().permute(2, 0, 1)
    return image, torch.from_numpy(mask), torch.tensor(boxes), torch.tensor(labels)


images, masks, boxes, labels = zip(*map(scene, (3, 8)), strict=True)
images, masks = torch.stack(images), torch.stack(masks)
boxes = [b.float() for b in boxes]

# %%
# The first image is mixed with the second. A box is drawn with its weight: how much of
# the object is there. A dashed one is hidden in part, or blended.

shades = ListedColormap(["none", *COLORS, "black"])
methods = [None, CutMix(1.0), FMix(1.0), ResizeMix(), Mixup(1.0)]
figure, axes = plt.subplots(2, 6, figsize=(13, 4.8), layout="constrained")


def draw(column, image, mask, corners, kinds, weights, title):
    """Show an image with its boxes, and its mask below."""
    above, below = axes[:, column]
    above.imshow(image.permute(1, 2, 0).clamp(0, 1))
    for (x1, y1, x2, y2), kind, weight in zip(corners, kinds, weights, strict=True):
        color = 0.6 * COLORS[int(kind)]
        style = "-" if weight > 0.999 else "--"
        above.add_patch(
            Rectangle(
                (x1 - 0.5, y1 - 0.5), x2 - x1, y2 - y1,
                fill=False, edgecolor=color, linestyle=style, linewidth=1.8,
            )
        )  # fmt: skip
        above.text(
            float(x1) + 1, float(y1) + 1, f"{float(weight):.2f}",
            fontsize=7, color="black", verticalalignment="top",
        )  # fmt: skip
    if mask.ndim == 2:
        classes = torch.where(mask == IGNORED, 4, mask.long())
        below.imshow(classes, cmap=shades, vmin=0, vmax=4, interpolation="nearest")
    else:  # shares of the classes
        below.imshow(torch.einsum("chw,ck->hwk", mask[1:], torch.tensor(COLORS).float())
                     + mask[:1].permute(1, 2, 0))  # fmt: skip
    above.set_title(title, fontsize=10)
    for axis in (above, below):
        axis.set_xticks([])
        axis.set_yticks([])


whole = torch.ones(3)
draw(0, images[0], masks[0], boxes[0], labels[0], whole, "own image")
draw(1, images[1], masks[1], boxes[1], labels[1], whole, "partner")
for column, method in enumerate(methods[1:], 2):
    seed = {2: 1, 3: 8, 4: 4, 5: 3}[column]
    plan = method.draw(images, generator=torch.Generator().manual_seed(seed))
    mixed_boxes, mixed_labels, weights = plan.apply_boxes(boxes, labels)
    mixed_masks = plan.apply_masks(masks, 4, ignore_index=IGNORED)
    title = f"{type(method).__name__}, own share {float(plan.lam[0]):.2f}"
    objects = mixed_boxes[0], mixed_labels[0], weights[0]
    draw(column, plan.apply(images)[0], mixed_masks[0], *objects, title)
axes[0, 0].set_ylabel("image, boxes")
axes[1, 0].set_ylabel("mask (black: does not count)")
plt.show()
