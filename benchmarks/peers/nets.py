"""The net that every contestant of the suite ``speed`` trains."""

from __future__ import annotations

from torch import Tensor, nn


class MLP(nn.Module):
    """Two hidden layers of 128 and ReLU: small, so that overhead shows.

    Parameters
    ----------
    n_features, n_classes : int
        Width of input and output (logits).
    """

    def __init__(self, n_features: int = 20, n_classes: int = 2) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(n_features, 128),
            nn.ReLU(),
            nn.Linear(128, 128),
            nn.ReLU(),
            nn.Linear(128, n_classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return logits."""
        logits: Tensor = self.layers(x)
        return logits
