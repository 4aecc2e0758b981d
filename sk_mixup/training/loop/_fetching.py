"""What is brought to the host: many tensors together, as each fetch waits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

# Of what travels together: it is on its device twice.
_FETCHED_BYTES = 2**26


def fetched(outputs: Iterable[Any]) -> Iterator[Any]:
    """Bring what is made one after the other to the host, several at a time.

    Parameters
    ----------
    outputs : iterable
        Of what `on_host` takes.

    Yields
    ------
    output : of the same form
        In their order; those of the host at once.
    """
    waiting: list[Any] = []
    n_bytes = 0
    for output in outputs:
        n_there = sum(tensor.nbytes for tensor in _elsewhere(output))
        if not waiting and not n_there:
            yield on_host(output)
            continue
        waiting.append(output)
        n_bytes += n_there
        if n_bytes >= _FETCHED_BYTES:
            yield from on_host(waiting)
            waiting, n_bytes = [], 0
    yield from on_host(waiting)


def on_host(values: Any) -> Any:
    """Return tensors on the host: those of a device in one message for all.

    Parameters
    ----------
    values : Tensor, or lists, tuples and dicts of such
        What is on the host already, or is no tensor, stays as it is.

    Returns
    -------
    values : of the same form
        Of the same dtypes, and equal to the last bit: what travels is bytes. More than
        64 MB take several messages.
    """
    there = {id(tensor): tensor for tensor in _elsewhere(values)}
    if not there:
        return values
    here: dict[int, Tensor] = {}
    for message in _messages(there.values()):
        here.update(zip(map(id, message), _received(message), strict=True))
    return _mapped(lambda tensor: here.get(id(tensor), tensor), values)


def _elsewhere(values: Any) -> list[Tensor]:
    """Return the tensors that are not on the host."""
    found: list[Tensor] = []
    _mapped(found.append, values)
    return [tensor for tensor in found if tensor.device.type != "cpu"]


def _mapped(function: Callable[[Tensor], Any], values: Any) -> Any:
    if isinstance(values, Tensor):
        return function(values)
    if isinstance(values, Mapping):
        return {key: _mapped(function, value) for key, value in values.items()}
    if isinstance(values, (list, tuple)):
        made = [_mapped(function, value) for value in values]
        return made if isinstance(values, list) else tuple(made)
    return values


def _messages(tensors: Iterable[Tensor]) -> Iterator[list[Tensor]]:
    """Yield tensors of one device that travel together."""
    places: dict[torch.device, list[Tensor]] = {}
    for tensor in tensors:
        places.setdefault(tensor.device, []).append(tensor)
    for alike in places.values():
        # Wide numbers first, so that each begins where one of its dtype may.
        alike.sort(key=Tensor.element_size, reverse=True)
        message: list[Tensor] = []
        n_bytes = 0
        for tensor in alike:
            if message and n_bytes + tensor.nbytes > _FETCHED_BYTES:
                yield message
                message, n_bytes = [], 0
            message.append(tensor)
            n_bytes += tensor.nbytes
        yield message


def _received(message: list[Tensor]) -> list[Tensor]:
    """Return the tensors of a message on the host."""
    if len(message) == 1:
        return [message[0].detach().cpu()]
    flat = [
        # Bytes do not tell what is conjugated or negated only in name.
        tensor.detach().resolve_conj().resolve_neg().reshape(-1).view(torch.uint8)
        for tensor in message
    ]
    parts = torch.cat(flat).cpu().split([len(part) for part in flat])
    return [
        part.view(tensor.dtype).view(tensor.shape)
        for part, tensor in zip(parts, message, strict=True)
    ]
