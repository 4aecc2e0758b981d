"""Processes of which one dies while they train together."""

import os
import signal
import sys
import time
from pathlib import Path

import torch
import torch.distributed as dist
from skorch.callbacks import Callback

from sk_mixup import MixupClassifier
from tests.builders import blobs


class Dies(Callback):
    """Ends the second process without a word, in the second epoch."""

    def __init__(self, clock):
        self.clock = clock

    def on_batch_end(self, net, **kwargs):
        if dist.get_rank() == 1 and len(net.history) == 2:
            die(self.clock)


def die(clock):
    clock.touch()
    os.kill(os.getpid(), signal.SIGKILL)


def main(when, clock):
    dist.init_process_group("gloo")
    clock = Path(clock)
    if when == "before" and dist.get_rank() == 1:
        die(clock)
    X, y = blobs(64)
    model = MixupClassifier(torch.nn.Linear(4, 2), mix=None, callbacks=[Dies(clock)])
    try:
        model.fit(X, y)
    except RuntimeError as error:
        print(f"{time.time() - clock.stat().st_mtime:.1f} s: {error}", flush=True)
        os._exit(3)


if __name__ == "__main__":
    main(*sys.argv[1:])
