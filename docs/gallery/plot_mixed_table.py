"""
What mixing does to a table
===========================

`preview` shows mixed rows before anything is trained: who was mixed with whom, how
strongly, and what came out, in the units of the table.
"""

import matplotlib.pyplot as plt
import pandas as pd

from sk_mixup import MixupClassifier
from sk_mixup.inspection import MixDisplay

X = pd.DataFrame(
    {
        "age": [25, 41, 33, 58, 62, 19, 47, 36],
        "hours": [40, 38.5, 20, 45, 0, 12, 40, 30],
        "job": ["cook", "smith", "cook", "judge", "none", "none", "smith", "judge"],
    }
)
y = ["no", "yes", "no", "yes", "no", "no", "yes", "no"]

preview = MixupClassifier(alpha=1.0, random_state=0).preview(X, y, n=4)
print(preview.table["mixed"])

# %%
# Numbers are blended as numbers. A category is a vector, and its blend is shown by
# shares. The label is blended with the same weight.

MixDisplay.from_estimator(MixupClassifier(alpha=1.0, random_state=0), X, y, n=4)
plt.show()
