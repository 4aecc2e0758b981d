"""
Is 70 % really 70 %?
====================

The picture of calibration: of all predictions that said "about 70 %", how many were
right? Above the diagonal a model is less sure of itself than it could be. Mixed
training does that, and one number, the temperature, repairs it.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

from sk_mixup import MixupClassifier
from sk_mixup.inspection import ReliabilityDisplay, expected_calibration_error

X, y = load_digits(return_X_y=True)
X = (X / 16).astype("float32")
X_train, X_test, y_train, y_test = train_test_split(
    X, y, train_size=400, stratify=y, random_state=0
)

# %%
# The same net, mixed in the same way; on the right with a temperature that is fitted on
# folds of the training rows.

net = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 10))
figure, axes = plt.subplots(1, 2, figsize=(9, 4.5), layout="constrained")
for axis, calibration in zip(axes, (None, "temperature"), strict=True):
    model = MixupClassifier(
        net, alpha=0.4, max_epochs=60, calibration=calibration, random_state=0
    )
    model.fit(X_train, y_train)
    proba = model.predict_proba(X_test)
    error = expected_calibration_error(y_test, proba)
    ReliabilityDisplay.from_predictions(y_test, proba, ax=axis)
    axis.set_title(f"temperature {model.temperature_:.2f}: error {error:.3f}")
plt.show()
