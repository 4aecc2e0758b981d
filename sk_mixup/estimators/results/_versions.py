"""By which versions a pickle was written, and a word where others read it."""

from __future__ import annotations

import sys

import sklearn
import torch

from sk_mixup.exceptions import warn_caller

#: Key of the versions in the state of an estimator.
VERSIONS = "_versions"


def versions() -> dict[str, str]:
    """Return the versions that a fitted estimator depends on."""
    # Not imported: the package is still being read when this module is.
    ours = str(getattr(sys.modules["sk_mixup"], "__version__", "unknown"))
    return {
        "sk_mixup": ours,
        "torch": str(torch.__version__),
        "scikit-learn": str(sklearn.__version__),
    }


def warn_of_versions(owner: str, written: dict[str, str]) -> None:
    """Warn where an estimator was written by other versions than those here.

    Parameters
    ----------
    owner : str
        Name of its class.
    written : dict of str
        As `versions` returned them there.
    """
    here = versions()
    # What follows a plus is how torch was built, for a GPU or not.
    changed = [
        name
        for name, version in written.items()
        if version.partition("+")[0] != here.get(name, version).partition("+")[0]
    ]
    if not changed:
        return
    listed = ", ".join(f"{name} {written[name]}, here {here[name]}" for name in changed)
    warn_caller(
        f"This {owner} was pickled by other versions ({listed}), and may predict"
        " otherwise or not at all. Compare its predictions with known ones, install"
        " the versions that wrote it, or fit it again."
    )
