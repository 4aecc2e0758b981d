"""Before and after a training, code of users runs too, and may draw.

A data set reads its items to be looked at, a module is tried, and judged in evaluation
mode. What they draw must leave the global random states as they were, and be the same
in every fit.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sk_mixup.estimators._settings import Settings
from sk_mixup.inputs import DatasetRows, is_dataset, is_stream
from sk_mixup.mixing import Method
from sk_mixup.training import seeded_globals


@contextmanager
def drawing_apart(settings: Settings, *inputs: Any) -> Iterator[None]:
    """Seed the global random states where code of users may read them.

    Parameters
    ----------
    settings : Settings
    *inputs : object
        Rows of the fit, as they were given.
    """
    if _is_ours(settings) and not any(map(_reads_items, inputs)):
        yield
    else:
        with seeded_globals(0):
            yield


def _is_ours(settings: Settings) -> bool:
    """Whether net, loss and method are of the library, which draws from generators."""
    module, method = settings.module, settings.method
    return (
        (module is None or (isinstance(module, str) and "/" not in module))
        and (settings.criterion is None or _is_torchs(settings.criterion))
        and not (isinstance(method, Method) and any(map(_is_foreign, method.walk())))
    )


def _is_torchs(criterion: Any) -> bool:
    if isinstance(criterion, str):
        return True
    kind = criterion if isinstance(criterion, type) else type(criterion)
    return kind.__module__.startswith(("torch.nn.", "sk_mixup."))


def _is_foreign(part: Any) -> bool:
    return not type(part).__module__.startswith("sk_mixup.")


def _reads_items(X: Any) -> bool:
    return is_dataset(X) or is_stream(X) or isinstance(X, DatasetRows)
