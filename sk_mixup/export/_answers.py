"""What outputs of a net mean, as a torch module: probabilities, or numbers in units."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from sk_mixup.estimators import MixupClassifier
from sk_mixup.training import tempered


class Answers(nn.Module):
    """Return what `predict_proba`, or `predict` of a regressor, says of outputs.

    Parameters
    ----------
    model : MixupClassifier or MixupRegressor
        Fitted.

    Attributes
    ----------
    names : list of str
        Of what is returned: "probabilities", one per output where there are several;
        "prediction".
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.objective = model._objective_
        self.is_classifier = isinstance(model, MixupClassifier)
        self.temperature = getattr(model, "temperature_", 1.0)
        self.names = ["prediction"]
        target = model._target_
        if self.is_classifier:
            self.names = ["probabilities"]
            if target.kind == "columns":
                n_outputs = range(len(target.classes_))
                self.names = [f"probabilities_{j}" for j in n_outputs]
            return
        self.head = model._head_
        self.is_vector = target.ndim_ == 1
        self.register_buffer("mean", torch.from_numpy(target.mean_))
        self.register_buffer("scale", torch.from_numpy(target.scale_))

    def forward(self, output: Any) -> Tensor | tuple[Tensor, ...]:
        """Return probabilities or predictions, float64, of what the net returned."""
        outputs = self.objective.read(output)
        if self.is_classifier:
            found = tempered(self.objective, outputs, self.temperature)
            return tuple(found) if isinstance(found, list) else found
        points = outputs.double()
        if self.head is not None:
            points = self.head.point(points)
        points = points.reshape(points.shape[0], -1) * self.scale + self.mean
        return points.squeeze(1) if self.is_vector else points
