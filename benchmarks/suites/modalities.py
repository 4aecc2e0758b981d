"""Suites ``images``, ``text`` and ``audio``: mixing against no mixing, side by side.

Every contestant of a suite gets the same rows, the same net and the same seeds. The
temperature is fitted on the tuning part; the test part is looked at once, and nothing
is chosen by it.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from sklearn.metrics import accuracy_score, log_loss

from benchmarks.harness.options import Options
from benchmarks.harness.progress import Progress
from benchmarks.harness.report import Report, Table
from benchmarks.modality_data import (
    SAMPLE_RATE,
    Split,
    load_cifar,
    load_digits,
    load_news,
)
from sk_mixup import MixupClassifier
from sk_mixup.inspection import expected_calibration_error
from sk_mixup.mixing import CutMix, ManifoldMixup, Mixup, RegMixup

Model = Callable[[int], Any]
COLUMNS = (
    "",
    "accuracy",
    "log-loss",
    "log-loss, tempered",
    "ECE, tempered",
    "fit seconds",
)
#: Speakers of the last third, by name: never heard in training.
UNSEEN = ("theo", "yweweler")
#: Of the text nets, and the strengths of mixing: chosen on parts of the training rows.
TEXT_EPOCHS = 8


@dataclass(frozen=True)
class Outcome:
    """What one training reached on the test part."""

    accuracy: float
    log_loss: float
    tempered: float
    ece: float
    seconds: float


def run_text(options: Options, progress: Progress) -> Report:
    """Train text nets with word- and sentence-level mixing, and TF-IDF beside them."""
    from sklearn.pipeline import make_pipeline

    from sk_mixup.inputs import TextTokenizer

    assert options.data is not None
    split = load_news(options.data, options.pick(None, 600))
    tokenizer = TextTokenizer("word")

    def net(mix: Any, max_epochs: int | None = TEXT_EPOCHS) -> Model:
        max_epochs = options.pick(max_epochs, 2)
        return lambda seed: make_pipeline(
            tokenizer,
            MixupClassifier(
                "text_bag", mix=mix, max_epochs=max_epochs, random_state=seed
            ),
        )

    models: dict[str, Model] = {
        "TF-IDF + logistic regression": lambda seed: _tf_idf(),
        "text_bag, no mixing": net(None),
        "text_bag, words mixed, alpha 0.1": net(ManifoldMixup(0.1, layers="embedding")),
        "text_bag, sentences mixed, alpha 0.2": net(
            ManifoldMixup(0.2, layers="pooled")
        ),
        "text_bag, RegMixup of words, alpha 10": net(RegMixup(10.0)),
        "text_bag, no mixing, epochs by default": net(None, None),
    }
    table = _compare(
        "AG News, 7 600 texts, a fifth to test", split, models, options, progress
    )
    return Report("text", [table[0]], {"AG News": table[1]})


def run_audio(options: Options, progress: Progress) -> Report:
    """Train on log-mel spectrograms of spoken digits, known and unknown speakers."""
    from sklearn.pipeline import make_pipeline

    from sk_mixup.encoding import LogMelSpectrogram

    assert options.data is not None
    max_epochs = options.pick(15, 2)

    def net(mix: Any) -> Model:
        return lambda seed: make_pipeline(
            # Without its loudness: that is the microphone's, and not the word's.
            LogMelSpectrogram(
                SAMPLE_RATE, n_fft=256, hop_length=160, n_mels=32, normalize="row"
            ),
            MixupClassifier(
                "convnet",
                module__width=16,
                mix=mix,
                max_epochs=max_epochs,
                random_state=seed,
            ),
        )

    models = {
        "no mixing": net(None),
        "mixup 0.2": net(Mixup(0.2)),
        "manifold 2.0": net(ManifoldMixup(2.0)),
    }
    tables, found = [], {}
    for title, held_out in (
        ("Spoken digits, recordings 0 to 4 of every speaker", ()),
        (f"Spoken digits, unseen speakers {' and '.join(UNSEEN)}", UNSEEN),
    ):
        split = load_digits(options.data, held_out)
        table, outcomes = _compare(title, split, models, options, progress)
        tables.append(table)
        found[title] = outcomes
    return Report("audio", tables, found)


def run_images(options: Options, progress: Progress) -> Report:
    """Train the bundled ResNet on CIFAR-10: a part of it without a GPU."""
    from sk_mixup.augment import RandomCrop, RandomFlip

    assert options.data is not None
    settings: dict[str, Any] = {}
    n_train = None
    if not torch.cuda.is_available():
        n_train = options.pick(5000, 500)
        # Some minutes on one core: a whole comparison in an hour.
        settings = {"module__width": 16, "max_epochs": options.pick(15, 2)}
    split = load_cifar(options.data, n_train, options.pick(None, 500))

    def net(mix: Any) -> Model:
        return lambda seed: MixupClassifier(
            "resnet",
            mix=mix,
            augment=[RandomCrop(4), RandomFlip()],
            random_state=seed,
            **settings,
        )

    models = {
        "no mixing": net(None),
        "mixup 0.2": net(Mixup(0.2)),
        "mixup 0.8 or cutmix 1.0": net([Mixup(0.8), CutMix(1.0)]),
    }
    title = f"CIFAR-10, {len(split.y_fit) + len(split.y_tune):,} images to train on"
    table, outcomes = _compare(title, split, models, options, progress)
    return Report("images", [table], {"CIFAR-10": outcomes})


def _compare(
    title: str,
    split: Split,
    models: Mapping[str, Model],
    options: Options,
    progress: Progress,
) -> tuple[Table, dict[str, Any]]:
    torch.set_num_threads(options.threads)
    seeds = options.pick((0, 1, 2), (0,))
    found: dict[str, list[Outcome]] = {name: [] for name in models}
    for seed in seeds:
        for name, model in models.items():
            done = sum(map(len, found.values())) + 1
            progress.step(title, done, len(seeds) * len(models), f"{name}, seed {seed}")
            found[name].append(_outcome(model(seed), split))
    rows = []
    for name, outcomes in found.items():
        cells = [
            _mean(getattr(o, key) for o in outcomes)
            for key in ("accuracy", "log_loss", "tempered", "ece")
        ]
        seconds = statistics.median(o.seconds for o in outcomes)
        rows.append([name, *cells, f"{seconds:.1f}"])
    notes = [
        f"Means of seeds {', '.join(map(str, seeds))} ± standard errors;"
        f" {len(split.y_fit):,} rows to train on, {len(split.y_tune):,} for early"
        f" stopping and the temperature, {len(split.y_test):,} to test on. A standard"
        " error over seeds says nothing of the draw of the test rows: that of an"
        f" accuracy of 0.9 is {math.sqrt(0.09 / len(split.y_test)):.4f} here. Seconds:"
        " median."
    ]
    measured = {n: [vars(o) for o in outcomes] for n, outcomes in found.items()}
    return Table(title, COLUMNS, rows, notes), measured


def _outcome(model: Any, split: Split) -> Outcome:
    start = time.perf_counter()
    _fit(model, split)
    seconds = time.perf_counter() - start
    classes = model.classes_
    test = model.predict_proba(split.x_test)
    power = 1.0
    if _net_of(model) is not None:
        tune = model.predict_proba(split.x_tune)
        power = _temperature(tune, split.y_tune, classes)
    tempered = _tempered(test, power)
    hits = classes[test.argmax(1)]
    return Outcome(
        accuracy=float(accuracy_score(split.y_test, hits)),
        log_loss=float(log_loss(split.y_test, test, labels=classes)),
        tempered=float(log_loss(split.y_test, tempered, labels=classes)),
        ece=float(expected_calibration_error(split.y_test, tempered, classes=classes)),
        seconds=seconds,
    )


def _fit(model: Any, split: Split) -> None:
    """Nets stop early by the tuning part; what has no such use for it trains on it."""
    net = _net_of(model)
    if net is None:
        x = np.concatenate([split.x_fit, split.x_tune])
        model.fit(x, np.concatenate([split.y_fit, split.y_tune]))
        return
    x, x_tune = split.x_fit, split.x_tune
    if net is not model:
        x = model[:-1].fit_transform(x, split.y_fit)
        x_tune = model[:-1].transform(x_tune)
    net.fit(x, split.y_fit, X_val=x_tune, y_val=split.y_tune)


def _net_of(model: Any) -> Any:
    """Return the mixing estimator at the end of a model, None where there is none."""
    last = model.steps[-1][1] if hasattr(model, "steps") else model
    return last if isinstance(last, MixupClassifier) else None


def _tf_idf() -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    return make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2),
        LogisticRegression(C=10.0, max_iter=1000),
    )


def _temperature(p: NDArray[Any], y: NDArray[Any], classes: NDArray[Any]) -> float:
    """Return the power of probabilities with the smallest log-loss."""
    found = minimize_scalar(
        lambda log_power: log_loss(
            y, _tempered(p, math.exp(log_power)), labels=classes
        ),
        bounds=(-2.5, 2.5),
        method="bounded",
    )
    return math.exp(float(found.x))


def _tempered(p: NDArray[Any], power: float) -> NDArray[Any]:
    logits = power * np.log(np.clip(p, 1e-300, None))
    shifted = np.exp(logits - logits.max(1, keepdims=True))
    result: NDArray[Any] = shifted / shifted.sum(1, keepdims=True)
    return result


def _mean(values: Any) -> str:
    values = list(values)
    mean = statistics.fmean(values)
    if len(values) < 2:
        return f"{mean:.4f}"
    return f"{mean:.4f} ± {statistics.stdev(values) / math.sqrt(len(values)):.4f}"
