"""Methods for bags of instances."""

from sk_mixup.mixing.methods.bags._bag_mixup import BagMixup

__all__ = ["BagMixup"]
