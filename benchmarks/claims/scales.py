"""How large the trainings of the suite ``claims`` are: for a CPU, a GPU, or a look."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """Sizes of everything.

    Attributes
    ----------
    name : str
    net : {"narrow", "small", "resnet18"}
        For images.
    n_train, n_tune, n_test, n_attack : int
        Images to train on, to fit a temperature on, to test on, and to attack.
    long, short : int
        Epochs.
    noise_train, noise_epochs : int
        Images with wrong labels, and epochs, without augmentation.
    noise_shares, noise_alphas : tuple of float
        Shares of wrong labels among images; strengths of mixing.
    few : tuple of (int, int)
        Images per class, and epochs.
    image_seeds, small_seeds : int
        Of nets for images, and of small nets, whose training takes seconds.
    small_epochs : int
        Of perceptrons for handwritten digits of 8 by 8 points.
    table_seeds : int
        Of nets for tables, texts and sounds.
    cost_rounds : int
        Steps that are timed, per method.
    """

    name: str
    net: str = "narrow"
    n_train: int = 3_000
    n_tune: int = 500
    n_test: int = 2_000
    n_attack: int = 200
    long: int = 60
    short: int = 20
    noise_train: int = 1_000
    noise_epochs: int = 60
    noise_shares: tuple[float, ...] = (0.2, 0.4, 0.8)
    noise_alphas: tuple[float, ...] = (1.0, 8.0, 32.0)
    few: tuple[tuple[int, int], ...] = ((10, 100), (25, 60), (100, 40))
    image_seeds: int = 3
    small_seeds: int = 10
    small_epochs: int = 100
    table_seeds: int = 8
    cost_rounds: int = 15


SCALES = {
    "cpu": Scale("cpu"),
    "gpu": Scale(
        "gpu",
        net="resnet18",
        n_train=24_000,
        n_tune=1_000,
        n_test=5_000,
        n_attack=2_000,
        long=200,
        short=66,
        noise_train=24_000,
        noise_epochs=200,
        few=((10, 400), (25, 300), (100, 200)),
        cost_rounds=60,
    ),
}
SCALES["full"] = SCALES["gpu"]
#: Of ``--quick``: to see that all works.
QUICK = Scale(
    "quick",
    n_train=100,
    n_tune=60,
    n_test=60,
    n_attack=20,
    long=2,
    short=1,
    noise_train=60,
    noise_epochs=2,
    noise_shares=(0.4,),
    noise_alphas=(1.0, 32.0),
    few=((10, 2),),
    image_seeds=2,
    small_seeds=2,
    small_epochs=3,
    table_seeds=2,
    cost_rounds=3,
)
