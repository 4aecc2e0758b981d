"""How a net that mixes is copied and pickled, without its training and its class."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from skorch.history import History

from sk_mixup.training.loop._epochs import Epochs
from sk_mixup.training.loop._storing import (
    deep_copy,
    is_usable,
    reduced_whole,
    shallow_copy,
)

if TYPE_CHECKING:
    from skorch import NeuralNet as _Base
else:
    # At run time it stands before whatever net class is wrapped.
    _Base = object


class StoredNet(_Base):
    """Copies and pickles of a skorch net whose class is made at run time."""

    keeps_steps_: bool = False
    history_: Any

    __reduce_ex__ = reduced_whole
    __copy__ = shallow_copy
    __deepcopy__ = deep_copy

    def initialize_history(self) -> Any:
        """Begin a history that a notebook shows as a table."""
        super().initialize_history()
        if type(self.history_) is History:
            self.history_ = Epochs()
        return self

    def _keeps_steps(self) -> bool:
        return self.keeps_steps_

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what only a running training needs.

        Raises
        ------
        TypeError
            For skops, which stores no tensors of a net that stands alone.
        """
        caller = str(sys._getframe(1).f_globals.get("__name__"))
        if caller.startswith("skops."):
            raise TypeError(
                f"net_: skops cannot store the {type(self).__name__} alone. Store the"
                " estimator, which skops takes, or use model.save(path)."
            )
        state = vars(self).copy()
        state.pop("run_", None)
        state.pop("compiled_", None)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take over a state; skorch's own, of earlier versions, too."""
        if "__cuda_dependent_attributes__" in state:
            super().__setstate__(state)
            return
        self.__dict__.update(state)
        if self.device is not None and not is_usable(self.device):
            self.__dict__["device"] = "cpu"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by the base class: the class itself is made at run time."""
        return rebuild, (type(self).__bases__[1],), self.__getstate__()


def rebuild(base: Any) -> Any:
    """Return a net that mixes, without a state, of a skorch net class."""
    # It needs the mixin, which needs this file.
    from sk_mixup.training.loop._net_class import mixing_net_class

    cls = mixing_net_class(base)
    return cls.__new__(cls)
