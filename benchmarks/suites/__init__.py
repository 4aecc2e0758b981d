"""The suites by name.

A suite is a function ``run(options, progress) -> Report``, after a colon if it has
another name. Its module is imported when it runs, so that a broken peer of one suite
does not stop the others.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable

from benchmarks.harness.options import Options
from benchmarks.harness.progress import Progress
from benchmarks.harness.report import Report

SUITES = {
    "speed": "benchmarks.suites.speed",
    "mixing": "benchmarks.suites.mixing",
    "import": "benchmarks.suites.imports",
    "monitor": "benchmarks.suites.monitor",
    "predict": "benchmarks.suites.predict",
    "adult": "benchmarks.suites.adult",
    "methods": "benchmarks.suites.methods",
    "images": "benchmarks.suites.modalities:run_images",
    "tabular": "benchmarks.suites.tabular",
    "label_noise": "benchmarks.suites.label_noise",
    "recipe": "benchmarks.suites.recipe",
    "wrapper": "benchmarks.suites.wrapper",
    "metatune": "benchmarks.suites.metatune",
    "metatune_search": "benchmarks.suites.metatune_search",
    "text": "benchmarks.suites.modalities:run_text",
    "audio": "benchmarks.suites.modalities:run_audio",
    "image_loop": "benchmarks.suites.image_loop",
    "saliency": "benchmarks.suites.saliency",
    "sweep": "benchmarks.suites.sweep",
    "parquet": "benchmarks.suites.parquet",
    "claims": "benchmarks.claims.suite",
    "attacks": "benchmarks.suites.attacks",
    "processes": "benchmarks.suites.processes",
    "gpu": "benchmarks.suites.gpu",
    "digits": "benchmarks.suites.digits",
    "demo": "benchmarks.suites.demo",
}

#: Data sets of the suite ``methods``, here so that the command line can name them
#: before anything large is imported.
DATA_SETS = ("adult", "letter", "churn", "california", "cifar10")

#: Part of the suite ``methods`` that has a report of its own.
IMAGES = "images"

#: Letters of the claims of the suite ``claims``.
CLAIMS = tuple("abcdefghijk")

#: Tables of the suite ``metatune``.
METATUNE_TABLES = (
    *("credit_approval", "sonar", "german_credit", "caravan", "spambase", "car_crash"),
    *("amazon_access", "eucalyptus", "arrhythmia", "splice", "pendigits"),
    *("auto_imports", "communities", "ames", "hotel_rates", "cpu_act", "adult"),
    *("telco", "churn", "letter", "california", "diamonds", "breast_cancer", "wine"),
    *("digits", "diabetes"),
)


def load_suite(name: str) -> Callable[[Options, Progress], Report]:
    """Return the function that runs a suite.

    Raises
    ------
    ValueError
        For an unknown name.
    """
    if name not in SUITES:
        raise ValueError(f"unknown suite {name!r}; known are {', '.join(SUITES)}.")
    module, _, function = SUITES[name].partition(":")
    run: Callable[[Options, Progress], Report] = getattr(
        importlib.import_module(module), function or "run"
    )
    return run
