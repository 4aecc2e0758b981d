"""
One batch, many ways to mix
===========================

A method draws a plan, and the plan is applied: to images, to labels, to hidden layers.
"""

import matplotlib.pyplot as plt
import torch
from sklearn.datasets import load_sample_images

from sk_mixup.mixing import CutMix, FMix, GridMix, Mixup, ResizeMix, SmoothMix

photographs = [torch.from_numpy(image.copy()) for image in load_sample_images().images]
x = torch.stack(photographs).permute(0, 3, 1, 2).float()[:, :, ::3, ::3] / 255
y = torch.tensor([0, 1])

methods = [Mixup(1.0), CutMix(1.0), ResizeMix(), GridMix(1.0), SmoothMix(), FMix(1.0)]
figure, axes = plt.subplots(2, 3, figsize=(9, 5), layout="constrained")
for axis, method in zip(axes.flat, methods, strict=True):
    plan = method.draw(x, y, generator=torch.Generator().manual_seed(3))
    axis.imshow(plan.apply(x)[0].permute(1, 2, 0).clamp(0, 1))
    axis.set_title(f"{type(method).__name__}, own share {float(plan.lam[0]):.2f}")
    axis.axis("off")
plt.show()
