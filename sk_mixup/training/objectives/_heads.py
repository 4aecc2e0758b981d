"""What a classifier predicts where it is not one class per row.

A *kind* knows the shape of the targets: what a module has to return for them, which
criterion is the default, and which `Objective` makes a loss and predictions of both.
Numbers to predict and one class per row have no kind, and the plain `Objective`.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from sk_mixup.mixing import KernelPairing, Method
from sk_mixup.training.objectives._objective import Objective, main_output

# Methods of these groups, and these pairings, compare the targets of rows.
_GROUPS = {
    "imbalance": "counts the rows of classes",
    "regression": "compares numbers to predict",
}
_PAIRINGS = ("between", "within", "minority", "balanced", "similar")


class TargetKind:
    """Base of the kinds.

    Attributes
    ----------
    name : str
        For messages.
    width : int
        Values that a net returns per row, where the library builds it.
    """

    name: str
    width: int
    #: Whether every pixel of a row has a target.
    per_pixel: bool = False
    #: Number of classes of each of several outputs.
    sizes: tuple[int, ...] = ()
    #: Whether the default criterion is the only one, of wrapped nets too.
    fixes_criterion: bool = False
    #: Parameters of a criterion that the objective serves where the default has none.
    serves: tuple[str, ...] = ()

    def read(self, output: Any) -> Tensor:
        """Return what the module returned as one tensor."""
        return main_output(output)

    def check_output(self, module: str, output: Any, n_rows: int) -> None:
        """Check what a module returned for some rows.

        Parameters
        ----------
        module : str
            Its name, for messages.
        output : object
        n_rows : int

        Raises
        ------
        ValueError
            If it does not fit the targets.
        """
        read = self.read(output)
        if not isinstance(read, Tensor):
            raise ValueError(
                f"module: {module} must return a tensor, or a tuple that starts with"
                f" one; it returned {type(read).__name__}."
            )
        if len(read) != n_rows:
            raise ValueError(
                f"module: {module} returned {len(read)} rows for {n_rows} rows of"
                " input."
            )
        self._check_width(module, read)

    def default_criterion(self, output: Tensor) -> type[nn.Module]:
        """Return the criterion for outputs like this one."""
        raise NotImplementedError

    def objective(self, criterion: Any, *, takes_log: bool) -> Objective:
        """Return the loss of such targets.

        Raises
        ------
        ValueError
            For a criterion that is not for such targets.
        """
        raise NotImplementedError

    def check_method(self, method: Method | None) -> None:
        """Check that a method does not need one class, or numbers to predict, per row.

        Raises
        ------
        ValueError
            If it does.
        """
        parts = [] if method is None else method.walk()
        for part in parts:
            if isinstance(part, Method):
                self._check_part(part)

    def _check_part(self, method: Method) -> None:
        who = type(method).__name__
        if method.group in _GROUPS:
            raise ValueError(
                f"mix: {who} {_GROUPS[method.group]}, and y holds {self.name}. Use a"
                " method that takes any target, such as mix='mixup'."
            )
        pairing = getattr(method, "pairing", None)
        if isinstance(pairing, KernelPairing) or (
            isinstance(pairing, str) and pairing in _PAIRINGS
        ):
            raise ValueError(
                f"mix: {who} with pairing={pairing!r} compares the targets of rows, and"
                f" y holds {self.name}. Use pairing='shuffle', or another that does"
                " not look at y."
            )

    def _check_width(self, module: str, output: Tensor) -> None:
        raise NotImplementedError
