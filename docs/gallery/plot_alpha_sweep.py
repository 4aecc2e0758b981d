"""
How much mixing? Look at a sweep
================================

Eight values of ``alpha`` and five folds are 40 trainings; `MixupSearchCV` runs them as
one. All of them share folds, first weights, batches and the uniform numbers behind
lambda, so that what is left between two values of ``alpha`` is ``alpha``.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from torch import nn

from sk_mixup import MixupClassifier, MixupSearchCV
from sk_mixup.inspection import AlphaSweepDisplay

X, y = load_digits(return_X_y=True)
X = (X / 16).astype("float32")

# %%
# A small net for 8 x 8 pixels, trained from scratch for every alpha and fold.

net = nn.Sequential(
    nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10)
)
search = MixupSearchCV(
    MixupClassifier(net, max_epochs=20, random_state=0),
    {"alpha": [0, 0.1, 0.2, 0.4, 0.7, 1.0, 1.5, 2.0]},
    cv=5,
    scoring="neg_log_loss",
    refit=False,
    store_oof=True,
)
search.fit(X, y)

# %%
# The lower curve is the loss after the best temperature. Mixing makes a net less sure
# than it should be, and one number repairs that, so this is the curve to choose by. The
# bars are standard errors over folds: they hold the folds' own differences too, which
# all values of alpha share. ``search.paired_differences_`` is without them.

AlphaSweepDisplay.from_search(search)
plt.show()
