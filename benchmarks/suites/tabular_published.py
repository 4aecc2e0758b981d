"""Figures that others published on splits that the suite ``tabular`` measures too.

From the reports of single runs in yandex-research's repositories tabm, tabular-dl-tabr
and tabpack: means of 15 seeds (TabPack: 5) on the splits of rtdl-num-embeddings. Nets
and boosting marked tuned were tuned with 50 to 100 trials per data set, TabPack is one
untuned run of about 60 nets. All of them were trained on 64 % of the rows and stopped
or tuned on another 16 %; the suite trains on the 80 % of both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

#: What the columns of these figures are, per data set of the suite.
PUBLISHED_SETS = {
    "adult": "log_loss",
    "churn": "log_loss",
    "california8": "rmse",
    "diamonds": "relative_rmse",
}


@dataclass(frozen=True)
class Published:
    """What was published of one model.

    Attributes
    ----------
    title : str
    losses : mapping of str to float
        Per data set the metric of `PUBLISHED_SETS`.
    accuracies : mapping of str to float
        Where classes are predicted.
    """

    title: str
    losses: Mapping[str, float]
    accuracies: Mapping[str, float]


def _row(
    title: str,
    adult: tuple[float, float],
    churn: tuple[float, float],
    california: float,
    diamonds: float,
) -> Published:
    return Published(
        title,
        {
            "adult": adult[1],
            "churn": churn[1],
            "california8": california,
            "diamonds": diamonds,
        },
        {"adult": adult[0], "churn": churn[0]},
    )


PUBLISHED = (
    _row("MLP, tuned", (0.8540, 0.316), (0.8553, 0.357), 0.4948, 0.1404),
    _row("MLP-PLR, tuned", (0.8694, 0.285), (0.8624, 0.350), 0.4597, 0.1337),
    _row("TabM, tuned", (0.8575, 0.308), (0.8605, 0.340), 0.4414, 0.1310),
    _row(
        "TabM-mini + piecewise-linear, tuned",
        (0.8700, 0.283),
        (0.8606, 0.343),
        0.4275,
        0.1315,
    ),
    _row("TabPack + cosine", (0.8693, 0.286), (0.8623, 0.343), 0.4176, 0.1307),
    _row("XGBoost, default", (0.8714, 0.277), (0.8555, 0.424), 0.4707, 0.1425),
    _row("XGBoost, tuned", (0.8720, 0.280), (0.8605, 0.349), 0.4327, 0.1368),
    _row("LightGBM, default", (0.8694, 0.280), (0.8560, 0.350), 0.4495, 0.1372),
    _row("LightGBM, tuned", (0.8713, 0.281), (0.8600, 0.345), 0.4352, 0.1359),
    _row("CatBoost, default", (0.8730, 0.277), (0.8601, 0.340), 0.4334, 0.1331),
    _row("CatBoost, tuned", (0.8714, 0.281), (0.8582, 0.347), 0.4294, 0.1335),
)
