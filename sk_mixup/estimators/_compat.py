"""scikit-learn's callback protocol, which came with 1.9."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # scikit-learn < 1.9
    # Stands in for the one of a newer scikit-learn.
    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Nothing to support."""

    def with_callbacks(method: F) -> F:
        """Return the method as it is."""
        return method


def open_callback_context(estimator: Any, n_epochs: int, X: Any, y: Any) -> Any:
    """Return scikit-learn's context of a fit; None where nobody listens."""
    listens = getattr(estimator, "_skl_callbacks", None)
    propagates = hasattr(estimator, "_parent_callback_ctx")
    if not hasattr(estimator, "_init_callback_context") or not (listens or propagates):
        return None
    context = estimator._init_callback_context(max_subtasks=n_epochs)
    context.call_on_fit_task_begin(estimator=estimator, X=X, y=y)
    return context


__all__ = ["CallbackSupportMixin", "open_callback_context", "with_callbacks"]
