"""Parameters with a prefix, such as ``module__width`` and ``mix__alpha``.

They are plain constructor keywords, so that scikit-learn lists, clones and sweeps them
as any other. They never reach into the object that the prefix names: a caller's method
object or module must not change because an estimator was given a parameter.
"""

from __future__ import annotations

import inspect
from typing import Any

from sklearn.base import BaseEstimator

from sk_mixup.estimators._keywords import near_parameters
from sk_mixup.estimators.results import VERSIONS, versions, warn_of_versions
from sk_mixup.training import detached_copies

#: Prefixes of skorch, and `mix`.
PREFIXES = (
    "module",
    "mix",
    "optimizer",
    "criterion",
    "callbacks",
    "iterator_train",
    "iterator_valid",
    "dataset",
    "compile",
)


class PrefixedParameters(BaseEstimator):
    """`get_params` and `set_params` for estimators with prefixed keywords."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Leave ``**kwargs`` out of the signature of the class.

        scikit-learn reads that signature as the list of parameters, and would pass one
        called "kwargs".
        """
        super().__init_subclass__(**kwargs)
        if "__init__" in vars(cls):
            signature = inspect.signature(cls.__init__)
            cls.__signature__ = signature.replace(
                parameters=[
                    parameter
                    for name, parameter in signature.parameters.items()
                    if name != "self" and parameter.kind is not parameter.VAR_KEYWORD
                ]
            )

    def __getstate__(self) -> dict[str, Any]:
        """Write down the versions that a pickle is of."""
        state: dict[str, Any] = super().__getstate__()
        return {**state, VERSIONS: versions()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take over a state, with a word where other versions wrote it."""
        written = state.pop(VERSIONS, None)
        super().__setstate__(state)
        for name, parameter in inspect.signature(type(self)).parameters.items():
            # An earlier version may have had no such parameter.
            self.__dict__.setdefault(name, parameter.default)
        if written is not None:
            warn_of_versions(type(self).__name__, written)

    def _store_prefixed(self, parameters: dict[str, Any]) -> None:
        """Store ``**kwargs`` of the constructor.

        Raises
        ------
        TypeError
            For a keyword without a known prefix.
        """
        for key in parameters:
            self._check_keyword(key, TypeError)
        self.__dict__.update(parameters)

    def _check_keyword(self, key: str, error: type[Exception]) -> None:
        prefix, separator, rest = key.partition("__")
        if separator and rest and prefix in PREFIXES:
            return
        hint = near_parameters(key, self._get_param_names(), PREFIXES)
        name = type(self).__name__
        if not hint:
            hint = (
                f" {name}().get_params() lists them all; those of its parts have a"
                " prefix, such as module__x or optimizer__x."
            )
        raise error(f"{name} has no parameter {key!r}.{hint}")

    def _prefixed(self, prefix: str | None = None) -> dict[str, Any]:
        """Return prefixed parameters: all with full names, or one prefix's without."""
        found = {
            key: value
            for key, value in vars(self).items()
            if "__" in key and key.partition("__")[0] in PREFIXES
        }
        if prefix is None:
            return found
        start = f"{prefix}__"
        return {k[len(start) :]: v for k, v in found.items() if k.startswith(start)}

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters by name.

        Parameters
        ----------
        deep : bool, default=True
            Also those of the methods in `mix`, as ``mix__alpha`` and, in a list, as
            ``mix__0__alpha``.

        Returns
        -------
        params : dict
        """
        params = {name: getattr(self, name) for name in self._get_param_names()}
        if deep:
            for key, value in _method_params(params.get("mix")).items():
                params[f"mix__{key}"] = value
        return params | self._prefixed()

    def __sklearn_clone__(self) -> Any:
        """Return an estimator with copies of the parameters."""
        with detached_copies():
            return super().__sklearn_clone__()

    def set_params(self, **params: Any) -> PrefixedParameters:
        """Set parameters by name.

        ``mix__x`` is kept by the estimator and applied to a copy of the method when
        fitting; the method object itself does not change. A new `mix` drops earlier
        ``mix__x``.

        Parameters
        ----------
        **params : object
            As `get_params` lists them; any ``prefix__name`` with a known prefix.

        Returns
        -------
        self : estimator

        Raises
        ------
        ValueError
            For an unknown name.
        """
        names = self._get_param_names()
        for key in params:
            if key not in names:
                self._check_keyword(key, ValueError)
        if "mix" in params:
            for key in self._prefixed("mix"):
                delattr(self, f"mix__{key}")
        for key, value in params.items():
            setattr(self, key, value)
        return self


def _method_params(mix: Any) -> dict[str, Any]:
    if isinstance(mix, (list, tuple)):
        nested = {}
        for i, method in enumerate(mix):
            for key, value in _method_params(method).items():
                nested[f"{i}__{key}"] = value
        return nested
    if hasattr(mix, "get_params") and not isinstance(mix, type):
        return mix.get_params(deep=True)
    return {}
