"""
Mixing that looks at the image
==============================

A box at a random place may cut out sky. Methods of the group "saliency" look first: at
what stands out of the pixels, or at what the net makes of the batch while it trains. A
small net that has learned for a moment what digits are is asked here; then the same
pairs are mixed by every method that this version knows.

Columns: the own image, the partner's, what the method looked at in the partner's (where
it is one map), the partner's share of every pixel, and what the net is given, with the
weights of the two labels.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional

from sk_mixup.mixing import MixContext, list_methods
from sk_mixup.mixing.looks import (
    class_activations,
    feature_map,
    fine_grained,
    input_gradients,
    resized,
    spectral_residual,
)

torch.manual_seed(0)
digits = load_digits()
small = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16
X = functional.interpolate(small, (28, 28), mode="bilinear")
# Each digit lies somewhere on a larger, dim and noisy ground.
places = torch.randint(0, 29, (len(X), 2))
canvas = 0.15 * torch.rand(len(X), 1, 56, 56)
for image, digit, (i, j) in zip(canvas, X, places, strict=True):
    image[:, i : i + 28, j : j + 28] += digit
y = torch.tensor(digits.target)

net = nn.Sequential(
    nn.Conv2d(1, 16, 5, stride=2, padding=2), nn.BatchNorm2d(16), nn.ReLU(),
    nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.BatchNorm2d(32), nn.ReLU(),
    nn.Conv2d(32, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU(),
    nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(64, 10),
)  # fmt: skip
optimizer = torch.optim.Adam(net.parameters(), 3e-3)
for _ in range(6):
    for rows in torch.randperm(len(y)).split(64):
        optimizer.zero_grad()
        functional.cross_entropy(net(canvas[rows]), y[rows]).backward()
        optimizer.step()

# %%
# One batch of four, and what each method looks at.
x, labels = canvas[[3, 11, 27, 40]], y[[3, 11, 27, 40]]
context = MixContext(module=net)


def gradients(x):
    """Return the norm of the gradient of the loss in every pixel."""
    return input_gradients(context, x, labels).square().sum(1).sqrt()


SEEN = {
    "saliency_mix": fine_grained,
    "guided_mix": spectral_residual,
    "attentive_mix": lambda x: feature_map(context, x).abs().mean(1),
    "snap_mix": lambda x: class_activations(context, x, labels),
    "puzzle_mix": gradients,
    "co_mixup": gradients,
}
methods = {
    name: info.method()
    for name, info in list_methods().items()
    if getattr(info.method, "looks_at", None) == "images"
}


def share_of_partner(plan, n_rows):
    """Return how much of every pixel of the first row comes from other rows."""
    rows = torch.eye(n_rows).view(n_rows, n_rows, 1, 1).expand(-1, -1, 56, 56)
    return 1 - plan.apply(rows.contiguous())[0, 0]


shown = {}
for name, method in methods.items():
    try:
        plan = method.draw(
            x, labels, generator=torch.Generator().manual_seed(7), context=context
        )
        shown[name] = plan, share_of_partner(plan, len(x)).detach(), plan.apply(x)
    except (ValueError, RuntimeError) as error:  # one that needs another kind of net
        print(f"{name}: {error}")

# %%
# Where a row of the picture has no map, the method joins more than two images or has
# learned what to do.
size = (10, 2 * len(shown) + 0.4)
figure, axes = plt.subplots(len(shown), 5, figsize=size, layout="constrained")
titles = ["own", "partner", "seen in the partner", "partner's share", "mixed"]
for axis, title in zip(axes[0], titles, strict=True):
    axis.set_title(title)
for row, (name, (plan, share, mixed)) in zip(axes, shown.items(), strict=True):
    other = int(plan.partner[0])
    seen = torch.zeros(56, 56)
    if name in SEEN:
        seen = resized(SEEN[name](x).detach(), (56, 56))[other]
    pictures = (x[0, 0], x[other, 0], seen, share, mixed[0, 0].detach())
    maps = ("gray", "gray", "magma", "viridis", "gray")
    for axis, picture, cmap in zip(row, pictures, maps, strict=True):
        axis.imshow(np.asarray(picture.tolist()), cmap=cmap)
        axis.set_xticks([])
        axis.set_yticks([])
    row[0].set_ylabel(name)
    # Some methods join more than two.
    parts = [(share[0].item(), int(one[0])) for share, one in plan.label_parts(labels)]
    words = [f"{weight:.2f} of a {label}" for weight, label in parts if weight > 0]
    lines = [", ".join(words[i : i + 2]) for i in range(0, len(words), 2)]
    row[4].set_xlabel(",\n".join(lines))
plt.show()
