"""
Bags of digits
==============

A bag is positive if it holds a nine, and nobody says which instance that is. Attention
finds it; mixing is between bags or within them.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import roc_auc_score

from sk_mixup import MixupClassifier
from sk_mixup.mixing import BagMixup

digits = load_digits()


def bags(rows, n_bags, seed):
    """Return bags of digits, half of them with a nine, and their labels."""
    random = np.random.default_rng(seed)
    is_nine = digits.target[rows] == 9
    nines, others = rows[is_nine], rows[~is_nine]
    y = np.arange(n_bags) % 2
    chosen = []
    for positive in y:
        members = random.choice(others, random.integers(8, 16))
        if positive:
            members[0] = random.choice(nines)
        chosen.append(random.permutation(members))
    return [digits.data[members] for members in chosen], y, chosen


order = np.random.default_rng(0).permutation(len(digits.target))
X, y, _ = bags(order[:900], 200, seed=1)
X_test, y_test, members = bags(order[900:], 400, seed=2)

methods = {
    "none": None,
    "vectors of bags": "mixup",
    "between bags": BagMixup("between"),
    "within bags": BagMixup("within"),
}
for name, mix in methods.items():
    aucs = []
    for seed in range(2):
        model = MixupClassifier("mil", mix=mix, max_epochs=60, random_state=seed)
        proba = model.fit(X, y).predict_proba(X_test)[:, 1]
        aucs.append(roc_auc_score(y_test, proba))
    print(f"{name:16} AUC {' '.join(f'{auc:.3f}' for auc in aucs)}")

# %%
# Mixing between bags, of instances or of the bags' vectors, helps here; mixing within
# bags blurs the nine, and does not. How much each instance of a bag counts, for the
# last net: the nine stands out.

model_input = model.encode(X_test[1:2])
weights = model.module_.attention(**model_input)[0].detach().cpu().numpy()
n = len(X_test[1])
figure, axes = plt.subplots(1, n, figsize=(n, 1.8), layout="constrained")
for axis, row, weight in zip(axes, members[1], weights, strict=False):
    axis.imshow(digits.images[row], cmap="gray_r")
    is_nine = digits.target[row] == 9
    axis.set_title(f"{weight:.2f}", color="crimson" if is_nine else "black")
    axis.axis("off")
plt.show()
