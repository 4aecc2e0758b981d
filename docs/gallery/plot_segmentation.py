"""
Segmentation with pasted masks
==============================

Twelve images, textures of three classes and an outline that does not count: mean
intersection over union on images that were not seen, trained with and without mixing.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.colors import ListedColormap
from torch import nn

from sk_mixup import MixupClassifier

SIZE, IGNORED = 24, 255


def textures(n_images, seed):
    """Return noisy images with patches of stripes, and masks of their directions."""
    random = np.random.default_rng(seed)
    X = 0.7 * random.standard_normal((n_images, 1, SIZE, SIZE))
    y = np.zeros((n_images, SIZE, SIZE), dtype=np.uint8)
    down, across = np.mgrid[:SIZE, :SIZE]
    for image, mask in zip(X[:, 0], y, strict=True):
        for kind in random.integers(1, 4, random.integers(1, 4)):
            radius = int(random.integers(4, 8))
            row, column = random.integers(0, SIZE, 2)
            v, h = abs(down - row), abs(across - column)
            is_round = random.random() < 0.5
            distance = np.hypot(v, h) if is_round else np.maximum(v, h) + 0.0
            wave = {1: down, 2: across, 3: down + across}[int(kind)]
            stripes = np.where((wave + random.integers(0, 4)) % 4 < 2, 1.0, -1.0)
            image[distance <= radius] += stripes[distance <= radius]
            mask[distance <= radius] = IGNORED
            mask[distance <= radius - 1] = kind
    return X.astype(np.float32), y


def net():
    """Return a small net that sees 13 x 13 pixels around each."""
    layers = []
    for n_in, n_out, dilation in [(1, 16, 1), (16, 16, 1), (16, 16, 2), (16, 16, 2)]:
        layers += [
            nn.Conv2d(n_in, n_out, 3, padding=dilation, dilation=dilation),
            nn.BatchNorm2d(n_out),
            nn.ReLU(),
        ]
    return nn.Sequential(*layers, nn.Conv2d(16, 4, 1))


X, y = textures(12, seed=0)
X_test, y_test = textures(150, seed=1)
scores, models = {}, {}
for name, mix in [("none", None), ("CutMix", "cutmix"), ("Mixup", "mixup")]:
    scores[name] = []
    for seed in range(2):
        torch.manual_seed(seed)
        models[name] = MixupClassifier(
            net(),
            mix=mix,
            criterion__ignore_index=IGNORED,
            max_epochs=120,
            batch_size=8,
            lr=0.01,
            schedule="cosine",
            random_state=seed,
        ).fit(X, y)
        scores[name].append(models[name].score(X_test, y_test))
    print(f"{name:8} mean IoU {' '.join(f'{score:.3f}' for score in scores[name])}")

# %%
# Where not the texture but the outline of a thing says what it is, a cut can take away
# what the label stands on: there CutMix may lose, and ``p=0.5`` or Mixup serve better.
#
# One image that was not seen, its mask, and what the nets make of it. Black pixels of
# the mask count nowhere: nobody is asked what they are.

colors = ListedColormap(["#f4f1ea", "#d8572a", "#2a7fd8", "#e0b020", "black"])
figure, axes = plt.subplots(1, 5, figsize=(12, 3), layout="constrained")
shown = next(i for i, mask in enumerate(y_test) if len(np.unique(mask)) == 5)
axes[0].imshow(X_test[shown, 0], cmap="gray")
truth = np.where(y_test[shown] == IGNORED, 4, y_test[shown])
panels = {"mask": truth} | {
    f"{name}: mean IoU {np.mean(scores[name]):.2f}": model.predict(X_test)[shown]
    for name, model in models.items()
}
axes[0].set_title("image")
for axis, (title, mask) in zip(axes[1:], panels.items(), strict=True):
    axis.imshow(mask, cmap=colors, vmin=0, vmax=4)
    axis.set_title(title)
for axis in axes:
    axis.axis("off")
plt.show()
