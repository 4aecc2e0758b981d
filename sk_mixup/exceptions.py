"""Warnings of sk-mixup, in one place so that users can filter them by class."""


class MixupWarning(UserWarning):
    """Something that the literature or experience knows to go wrong."""
