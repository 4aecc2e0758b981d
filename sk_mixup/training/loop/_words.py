"""What torch says of a module or an optimizer, in words that name the parameter.

Only its messages tell these cases apart. What is not known here stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

#: A part of torch's message; what is said, with its names filled in.
_KNOWN = (
    (
        "does not require grad and does not have a grad_fn",
        "module: what {module} returns does not depend on its weights in a way that"
        " torch can follow. Look for .detach(), .item(), NumPy or torch.no_grad() in"
        " its forward, or for requires_grad=False in all of its weights.",
    ),
    (
        "does not support sparse gradients",
        "optimizer={optimizer} takes no sparse gradients, which an embedding of"
        " {module} has. Build it with sparse=False, or give"
        " optimizer=torch.optim.SparseAdam where all gradients are sparse.",
    ),
    (
        "does not support dense gradients",
        "optimizer={optimizer} takes sparse gradients alone, and {module} has others."
        " Give another one, such as optimizer=torch.optim.AdamW.",
    ),
    (
        "from the 'SparseCPU' backend",
        "clip_norm or another knob of the training takes no sparse gradients, which an"
        " embedding of {module} has. Build it with sparse=False.",
    ),
    (
        "index out of range in self",
        "X holds ids that an embedding of {module} has no row for. Ids must be at least"
        " 0 and below its num_embeddings; give unseen ones an id of their own.",
    ),
)


@contextmanager
def in_words(net: Any) -> Iterator[None]:
    """Say what an error of torch means for the one who gave module and optimizer.

    Parameters
    ----------
    net : skorch net
        Initialized.

    Raises
    ------
    ValueError
        In place of an error of torch that is known here.
    """
    try:
        yield
    except (RuntimeError, IndexError) as error:
        text = str(error)
        for part, words in _KNOWN:
            if part in text:
                optimizer = getattr(net.optimizer, "__name__", net.optimizer)
                module = type(net.module_).__name__
                raise ValueError(
                    words.format(module=module, optimizer=optimizer)
                ) from error
        raise
