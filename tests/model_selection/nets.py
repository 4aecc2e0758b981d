"""Small nets that train together, and estimators that are trained in a moment."""

from torch import nn

from tests import builders


class Small(nn.Module):
    """An MLP whose width changes the program, and whose dropout does not."""

    def __init__(self, n_features=4, width=8, dropout=0.0, n_outputs=2):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(n_features, width),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(width, n_outputs),
        )

    def forward(self, x):
        return self.layers(x)


class Normed(nn.Module):
    """Has running statistics."""

    def __init__(self, n_features=4, n_outputs=2):
        super().__init__()
        self.layers = nn.Sequential(
            # A bias would have a gradient of rounding errors, which Adam blows up.
            nn.Linear(n_features, 8, bias=False),
            nn.BatchNorm1d(8),
            nn.ReLU(),
            nn.Linear(8, n_outputs),
        )

    def forward(self, x):
        return self.layers(x)


class Recurrent(nn.Module):
    """Cannot be batched over members by vmap."""

    def __init__(self):
        super().__init__()
        self.cell = nn.LSTM(4, 4, batch_first=True)
        self.head = nn.Linear(4, 2)

    def forward(self, x):
        return self.head(self.cell(x.unsqueeze(1))[0][:, -1])


def classifier(**params):
    """Return a classifier without members, where its net is not the matter."""
    return builders.classifier(**({"module": "mlp"} | params))


def regressor(**params):
    """Return a regressor without members, where its net is not the matter."""
    return builders.regressor(**({"module": "mlp"} | params))
