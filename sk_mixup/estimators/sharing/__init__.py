"""A fit that several processes share: what each has, and what all must agree on."""

from sk_mixup.estimators.sharing._agreement import check_net, shared
from sk_mixup.estimators.sharing._parts import Parts, Whole, rows_of

__all__ = ["Parts", "Whole", "check_net", "rows_of", "shared"]
