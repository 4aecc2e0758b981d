"""Methods that look at the input, or at what the net makes of it, before they mix."""

from sk_mixup.mixing.methods.saliency._looking import LookingMethod

__all__ = ["LookingMethod"]
