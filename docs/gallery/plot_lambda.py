"""
What alpha means
================

Lambda is drawn from Beta(alpha, alpha) and folded to at least one half: a row keeps
its own majority. What it amounts to, on average, is a label smoothing, for which there
is an exact formula; the often-quoted ``alpha / (alpha + 1)`` is 1.5 to 2.2 times too
large.
"""

import matplotlib.pyplot as plt
import numpy as np

from sk_mixup.mixing import alpha_for_smoothing, expected_smoothing

alphas = np.geomspace(0.02, 32, 60)
smoothing = [expected_smoothing(alpha) for alpha in alphas]

figure, axis = plt.subplots(layout="constrained")
axis.semilogx(alphas, smoothing, label="exact")
axis.semilogx(alphas, alphas / (alphas + 1), "--", label="often quoted")
axis.set(xlabel="alpha", ylabel="share of the label that goes to the partner")
axis.legend()
plt.show()

# %%
# The other way round: the alpha that amounts to a label smoothing of 0.1.

print(f"{alpha_for_smoothing(0.1):.3f}")
