"""Random streams of a draw."""

from sk_mixup.mixing import MixStreams
from tests.builders import generator


def streams(seed=0):
    """Return streams that four seeds in a row start."""
    return MixStreams(*(generator(10 * seed + k) for k in range(4)))
