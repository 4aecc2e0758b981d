"""Mixing as the collate step of a DataLoader.

Items are pairs, or carry more: an index, a path, a weight. What is mixed must be known
for certain, since a field that stays as it is beside mixed labels would teach a net
something wrong without a word. The rest travels along, as of the own rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import default_collate

from sk_mixup.mixing._method import Method
from sk_mixup.mixing.draws import MixStreams
from sk_mixup.mixing.plans import MixPlan

# What the target is called in items with named fields.
_TARGETS = ("label", "labels", "target", "targets", "y")


class MixCollate:
    """Collate a list of items and mix the batch.

    Without a generator it draws from torch's global one, which a DataLoader seeds
    differently in each worker.

    Parameters
    ----------
    method : Method
        How to mix.
    n_classes : int or None, default=None
        As for calling a method.
    inputs : int, str, sequence of such, or None, default=None
        Which fields of an item are mixed: positions in tuples, names in dicts. None:
        the first of a tuple; of a dict the one field beside the target that is an
        array.
    target : int, str or None, default=None
        The field of the target. None: the second of a tuple; of a dict the field
        called "label", "labels", "target", "targets" or "y".
    generator : torch.Generator or None, default=None
        Source of all draws.

    Examples
    --------
    >>> import torch
    >>> from torch.utils.data import DataLoader, TensorDataset
    >>> from sk_mixup.mixing import MixCollate, Mixup
    >>> data = TensorDataset(torch.randn(10, 3), torch.randint(0, 2, (10,)))
    >>> loader = DataLoader(data, batch_size=5, collate_fn=MixCollate(Mixup(), 2))
    >>> [x.shape for x, targets in loader]
    [torch.Size([5, 3]), torch.Size([5, 3])]
    >>> items = [
    ...     {"image": torch.rand(3), "label": k % 2, "file": f"{k}.png"}
    ...     for k in range(4)
    ... ]
    >>> batch = MixCollate(Mixup(), 2)(items)
    >>> batch["image"].shape, batch["label"].shape, batch["file"][0]
    (torch.Size([4, 3]), torch.Size([4, 2]), '0.png')
    """

    def __init__(
        self,
        method: Method,
        n_classes: int | None = None,
        *,
        inputs: int | str | Sequence[int | str] | None = None,
        target: int | str | None = None,
        generator: torch.Generator | MixStreams | None = None,
    ) -> None:
        self.method = method
        self.n_classes = n_classes
        self.inputs = inputs
        self.target = target
        self.generator = generator

    def __call__(self, samples: list[Any]) -> Any:
        """Return the batch with mixed inputs and their targets, in its own form.

        Raises
        ------
        TypeError
            If items have no target, or fields of which it is not clear what they are.
        ValueError
            If `inputs` or `target` name no field.
        """
        fields = _fields(samples[0])
        target = self._target_of(fields)
        inputs = self._inputs_of(fields, target)
        batch = default_collate(samples)
        keys = [key for key in fields if key != target]
        # One input keeps its form; several are mixed by one plan.
        x = batch[inputs[0]] if len(inputs) == 1 else {k: batch[k] for k in inputs}
        y = batch[target]
        if isinstance(y, (list, tuple)) and all(isinstance(v, Tensor) for v in y):
            # Of lists of numbers, which are collated place by place, in float64.
            y = torch.stack(list(y), -1)
            y = y.float() if y.is_floating_point() else y
        plan, mixed, targets = self.method._mix(x, y, self.n_classes, self.generator)
        parts = mixed if len(inputs) > 1 else {inputs[0]: mixed}
        out = {target: targets}
        for key in keys:
            out[key] = parts[key] if key in parts else _own_rows(batch[key], plan)
        if isinstance(batch, Mapping):
            return {key: out[key] for key in batch}
        values = [out[key] for key in fields]
        if hasattr(batch, "_fields"):
            return type(batch)(*values)
        return tuple(values)

    def _target_of(self, fields: dict[Any, Any]) -> Any:
        if self.target is not None:
            return self._known("target", self.target, fields)
        named = [name for name in _TARGETS if name in fields]
        if len(named) == 1:
            return named[0]
        if len(fields) > 1 and 1 in fields:
            return 1
        found = f"{named} may all be it" if named else "none is called so"
        raise TypeError(
            f"MixCollate: items have the fields {list(fields)}, of which one must be"
            f" the target ({', '.join(_TARGETS)}), and {found}. Say target=..."
        )

    def _inputs_of(self, fields: dict[Any, Any], target: Any) -> list[Any]:
        given = self.inputs
        if given is not None:
            several = given if isinstance(given, (tuple, list)) else [given]
            found = [self._known("inputs", key, fields) for key in several]
            if not found or target in found:
                raise ValueError(
                    f"MixCollate: inputs={given!r} must name fields beside the target,"
                    f" {target!r}; items have {list(fields)}."
                )
            return found
        others = [key for key in fields if key != target]
        if 0 in fields:
            return [0] if target != 0 else others[:1]
        if len(others) == 1:
            return others
        arrays = [key for key in others if _is_array(fields[key])]
        unclear = [key for key in others if isinstance(fields[key], float)]
        if len(arrays) == 1 and not unclear:
            return arrays
        raise TypeError(
            f"MixCollate: items have the fields {others} beside the target, and it is"
            " not clear which are mixed. Say inputs=..., for example"
            f" inputs={(arrays or others)[:1]!r}."
        )

    def _known(self, name: str, key: Any, fields: dict[Any, Any]) -> Any:
        if key in fields:
            return key
        raise ValueError(
            f"MixCollate: {name}={key!r} is no field of an item, which has"
            f" {list(fields)}."
        )


def _fields(sample: Any) -> dict[Any, Any]:
    """Return the fields of an item by name or position."""
    if isinstance(sample, Mapping):
        return dict(sample)
    if isinstance(sample, (tuple, list)):
        return dict(enumerate(sample))
    raise TypeError(
        "MixCollate: an item must be a pair (input, target), or a longer tuple or a"
        f" dict with a target among its fields; got {type(sample).__name__}."
    )


def _is_array(value: Any) -> bool:
    return getattr(value, "ndim", 0) > 0 or isinstance(value, (Mapping, tuple, list))


def _own_rows(values: Any, plan: MixPlan) -> Any:
    """Return a field that is not mixed, for each mixed row."""
    if plan.rows is None:
        return values
    if isinstance(values, Tensor):
        return values.index_select(0, plan.rows.to(values.device))
    if isinstance(values, Mapping):
        return {key: _own_rows(part, plan) for key, part in values.items()}
    return [values[i] for i in plan.rows.tolist()]
