"""Processes for tests: some that train together, and tell what came of it."""

import os
import pickle
import socket
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def started(size, module, *arguments):
    """Start processes as `torchrun` does, with what it says in the environment."""
    own = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    own |= {"WORLD_SIZE": str(size), "OMP_NUM_THREADS": "1"}
    python = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    return [
        subprocess.Popen(
            [sys.executable, "-m", module, *map(str, arguments)],
            env=os.environ | own | {"RANK": str(rank), "PYTHONPATH": python},
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in range(size)
    ]


def told(size, folder, only=(), seconds=240):
    """Run scenarios in some processes; return what each process tells of each."""
    processes = started(size, "tests.processes.scenarios", folder, *only)
    try:
        words = [process.communicate(timeout=seconds)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
    for process, text in zip(processes, words, strict=True):
        assert process.returncode == 0, text
    return [
        pickle.loads((Path(folder) / f"{rank}.pkl").read_bytes())
        for rank in range(size)
    ]
