"""Mixed rows as they were before encoding, to be looked at."""

from sk_mixup.estimators.previews._preview import preview

__all__ = ["preview"]
