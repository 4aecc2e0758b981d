"""
Between the rows, and around them
=================================

What mixing does to a net is seen where there are no rows: on the way from a digit to
another one, and a small step away from one. Mixed training makes the way straighter;
whether the steps do less harm is for the picture to say.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

from sk_mixup import MixupClassifier
from sk_mixup.callbacks import MixMonitor
from sk_mixup.inspection import (
    InterpolationDisplay,
    MonitorDisplay,
    RobustnessDisplay,
)

X, y = load_digits(return_X_y=True)
X = (X / 16).astype("float32")
X_train, X_test, y_train, y_test = train_test_split(
    X, y, train_size=800, stratify=y, random_state=0
)
net = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 10))
models = {
    name: MixupClassifier(
        net,
        mix=mix,
        alpha=alpha,
        max_epochs=60,
        early_stopping=False,
        callbacks=[MixMonitor()],
        random_state=0,
    ).fit(X_train, y_train)
    for name, mix, alpha in (("plain", None, None), ("mixed", "mixup", 1.0))
}

# %%
# From a digit to one of another class: the mixed net stays closer to the straight line,
# and is less sure at both ends. Neither keeps from naming third classes on the way,
# since no pair that was mixed stands for all of them. Pairs are the same for both.

figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
for ax, (name, model) in zip(axes, models.items(), strict=True):
    InterpolationDisplay.from_estimator(model, X_test, y_test, name=name, ax=ax)
plt.show()

# %%
# Pixels go from 0 to 1 here, and a radius of 0.1 changes each by a tenth at most. FGSM
# takes one step against the net, PGD many; noise has no aim. Bars are standard errors.
# Mixing changes nothing here: it is no defence of so small a net.

figure, ax = plt.subplots(figsize=(6, 4), layout="constrained")
for name, model in models.items():
    display = RobustnessDisplay.from_estimator(
        model,
        X_test,
        y_test,
        radii=[0, 0.025, 0.05, 0.1, 0.15, 0.2],
        attacks=["fgsm", "pgd", "noise"],
        bounds=(0, 1),
        name=name,
        ax=ax,
    )
ax.set_xlabel("Radius, of pixels between 0 and 1")
plt.show()
for curve in display.curves:
    print(curve.attack, curve.accuracy.round(3))

# %%
# While it was trained: the loss of mixed rows stays high, that of clean ones does not.

MonitorDisplay.from_estimator(models["mixed"])
plt.show()
