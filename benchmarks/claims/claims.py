"""What is said of mixing, by whom, and which comparisons here speak for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from benchmarks.claims import catalogue
from benchmarks.claims.effects import Verdict, together
from benchmarks.claims.numbers import SMOOTHING_ALPHAS
from benchmarks.claims.parts import (
    ABOVE_ONE,
    HIGHER,
    LESS,
    LOST,
    LOWER,
    MORE_LOSS,
    SMALLER,
    Found,
    Part,
    against,
    mean_error,
    minus,
    named,
)
from benchmarks.claims.scales import Scale
from benchmarks.claims.scores import FGSM_RADII, PGD_RADII


@dataclass(frozen=True)
class Claim:
    """A claim.

    Attributes
    ----------
    letter, name : str
    said, by : str
    setup : str
        What was done here.
    parts : sequence of Part
    """

    letter: str
    name: str
    said: str
    by: str
    setup: str
    parts: Sequence[Part]

    def run_parts(self, found: Found) -> list[Part]:
        """Return the comparisons that have run, of two seeds or more."""
        effects = [(part, part.found(found)) for part in self.parts]
        return [part for part, got in effects if got is not None and got.n_seeds > 1]

    def verdict(self, found: Found) -> Verdict | None:
        """Return what all parts together say; None where none has run."""
        parts = self.run_parts(found)
        if not parts:
            return None
        return together([part.verdict(found) for part in parts])


ACCURACY = named("accuracy")
MIXED_IMAGES = catalogue.IMAGE_WAYS[1:]


def claims_of(scale: Scale) -> list[Claim]:
    """Return all claims in order, with the comparisons of a scale."""
    return [
        *_error(scale),
        *_calibration(scale),
        *_wrong_labels(scale),
        *_adversarial(scale),
        *_few(scale),
        *_strangers(scale),
        *_smoothing(scale),
        *_mistakes(scale),
        *_elsewhere(),
        *_test_time(scale),
    ]


def _images(
    settings: Sequence[str],
    epochs: int,
    metric: Any,
    unit: Any,
    size: float,
    **more: Any,
) -> list[Part]:
    return [
        Part(
            f"{setting}, {epochs} epochs",
            "images",
            metric,
            against(setting),
            unit,
            size,
            (("epochs", epochs),),
            **more,
        )
        for setting in settings
    ]


def _net(scale: Scale) -> str:
    net = "a ResNet-8" if scale.net == "narrow" else "ResNet-18"
    return f"{scale.n_train:,} images of CIFAR-10, {net}, flips and crops"


def _error(scale: Scale) -> list[Claim]:
    long, short = scale.long, scale.short
    return [
        Claim(
            "a1",
            "error",
            "mixing lowers the test error (by 1.4 points on CIFAR-10); here: by 1 or"
            " more",
            "Zhang et al. 2018, Yun et al. 2019, Verma et al. 2019",
            f"{_net(scale)}, {long} epochs",
            _images(MIXED_IMAGES, long, ACCURACY, HIGHER, 1.0),
        ),
        Claim(
            "a2",
            "error, short training",
            "the same at a third of the epochs",
            "the same",
            f"{_net(scale)}, {short} epochs",
            _images(MIXED_IMAGES, short, ACCURACY, HIGHER, 1.0),
        ),
        Claim(
            "a3",
            "mixed training needs longer",
            f"the gain is larger after {long} epochs than after {short}",
            "Zhang et al. 2018; timm's users",
            "nets of a1 and a2: difference of the differences",
            [_growth(setting, long, short) for setting in MIXED_IMAGES],
        ),
    ]


class _Growth(Part):
    """The gain after many epochs less that after few: settings hold their epochs."""

    def found(self, cells: Found) -> Any:
        """Return the effect in its unit."""
        from benchmarks.claims.cell import Cell

        renamed = {
            Cell("growth", f"{cell.setting}@{dict(cell.of)['epochs']}", cell.seed): r
            for cell, r in cells.items()
            if cell.kind == "images"
        }
        inner = Part(
            self.name, "growth", self.metric, self.contrast, self.unit, self.size
        )
        return inner.found(renamed)


def _growth(setting: str, long: int, short: int) -> Part:
    contrast = {
        f"{setting}@{long}": 1.0,
        f"none@{long}": -1.0,
        f"{setting}@{short}": -1.0,
        f"none@{short}": 1.0,
    }
    return _Growth(setting, "images", ACCURACY, contrast, HIGHER, 1.0)


def _calibration(scale: Scale) -> list[Claim]:
    both = [
        (setting, epochs)
        for epochs in (scale.long, scale.short)
        for setting in MIXED_IMAGES
    ]

    def parts(metric: str, unit: Any, size: float) -> list[Part]:
        return [
            part
            for setting, epochs in both
            for part in _images([setting], epochs, named(metric), unit, size)
        ]

    return [
        Claim(
            "b1",
            "calibration",
            "the calibration error is 30 to 50 % lower",
            "Thulasidasan et al. 2019",
            "ECE of the nets of a, 15 bins, as they are",
            parts("ece", LESS, 30.0),
        ),
        Claim(
            "b2",
            "calibration after a temperature",
            "what is left of it where every net has its best temperature: 10 % or more",
            "asked here; Wang et al. 2023 say nothing",
            f"the same, temperature fitted on {scale.n_tune:,} other images",
            parts("ece_tempered", LESS, 10.0),
        ),
        Claim(
            "b3",
            "log-loss",
            "the log-loss is lower, by 0.02 or more",
            "Thulasidasan et al. 2019",
            "log-loss of the nets of a, as they are",
            parts("log_loss", SMALLER, 0.02),
        ),
        Claim(
            "b4",
            "log-loss after a temperature",
            "the same after a temperature",
            "asked here",
            "the same, temperature fitted on other images",
            parts("log_loss_tempered", SMALLER, 0.02),
        ),
    ]


def _wrong_labels(scale: Scale) -> list[Claim]:
    settings = [f"mixup {alpha:g}" for alpha in scale.noise_alphas]

    def parts(metric: str, unit: Any, size: float) -> list[Part]:
        found = []
        for kind, what, shares in (
            ("images wrong", "images", scale.noise_shares),
            ("digits wrong", "digits", catalogue.DIGIT_SHARES),
        ):
            for share in shares:
                for setting in settings:
                    found.append(
                        Part(
                            f"{what}, {share:.0%} wrong, {setting}",
                            kind,
                            named(metric),
                            against(setting),
                            unit,
                            size,
                            (("share", share),),
                        )
                    )
        return found

    setup = (
        f"{scale.noise_train:,} images, {scale.noise_epochs} epochs, no augmentation;"
        f" 700 handwritten digits, a perceptron, {scale.small_epochs} epochs"
    )
    return [
        Claim(
            "c1",
            "wrong labels, last epoch",
            "mixing with a large alpha keeps the accuracy where labels are wrong: 5"
            " points or more at the end",
            "Zhang et al. 2018",
            setup,
            parts("last", HIGHER, 5.0),
        ),
        Claim(
            "c2",
            "wrong labels, best epoch",
            "and 2 points or more at the best epoch (chosen on the test rows, as in the"
            " paper)",
            "Zhang et al. 2018",
            "the same",
            parts("best", HIGHER, 2.0),
        ),
        Claim(
            "c3",
            "wrong labels learnt by heart",
            "fewer wrong labels are learnt by heart: 10 points or more",
            "Zhang et al. 2018, Arpit et al. 2017",
            "the same: wrong labels that the net predicts for their own rows",
            parts("memorised", LOWER, 10.0),
        ),
    ]


def _adversarial(scale: Scale) -> list[Claim]:
    fgsm = [f"fgsm_{radius}" for radius in FGSM_RADII]
    pgd = [f"pgd_{radius}" for radius in PGD_RADII]
    rows = (
        ("d1", "FGSM, white box", mean_error(*fgsm), 10.0, False),
        ("d2", "PGD, white box", mean_error(*pgd), 10.0, True),
        (
            "d3",
            "FGSM, black box",
            mean_error(*(f"black_{f}" for f in fgsm)),
            10.0,
            False,
        ),
        ("d4", "PGD, black box", mean_error(*(f"black_{p}" for p in pgd)), 10.0, False),
    )
    said = {
        "d1": "the error under FGSM is 10 to 30 % lower",
        "d2": "under PGD nothing changes (less than 10 % either way)",
        "d3": "the same for images that an attack on another net found",
        "d4": "the same",
    }
    return [
        Claim(
            letter,
            name,
            said[letter],
            "Zhang et al. 2018; Madry et al. 2018 of PGD",
            f"{scale.n_attack} test images, mean error of radii"
            f" {', '.join(map(str, PGD_RADII if 'PGD' in name else FGSM_RADII))} / 255",
            [
                part
                for epochs in (scale.long, scale.short)
                for part in _images(
                    ("mixup 0.2", "mixup 1", "cutmix 1"),
                    epochs,
                    metric,
                    LESS,
                    size,
                    nothing=nothing,
                )
            ],
        )
        for letter, name, metric, size, nothing in rows
    ]


def _few(scale: Scale) -> list[Claim]:
    parts = []
    for per_class, epochs in scale.few:
        for setting in catalogue.FEW_WAYS[1:]:
            of = (("per_class", per_class), ("epochs", epochs))
            name = f"images, {per_class} a class, {setting}"
            parts.append(
                Part(name, "images few", ACCURACY, against(setting), HIGHER, 2.0, of)
            )
    for per_class in catalogue.DIGIT_SIZES:
        for setting in catalogue.DIGIT_FEW_WAYS[1:]:
            of = (("per_class", per_class),)
            name = f"digits, {per_class} a class, {setting}"
            parts.append(
                Part(name, "digits few", ACCURACY, against(setting), HIGHER, 2.0, of)
            )
    return [
        Claim(
            "e",
            "few samples",
            "with few rows mixing gains 2 to 5 points",
            "said in many places; no one source",
            "10 to 100 images, and 10 to 70 handwritten digits, of each class",
            parts,
        )
    ]


def _strangers(scale: Scale) -> list[Claim]:
    settings = catalogue.HELD_OUT_WAYS[1:]
    held_out = [
        Part(
            f"two classes left out, {setting}",
            "images held out",
            named("auroc_held_out"),
            against(setting),
            HIGHER,
            1.0,
        )
        for setting in settings
    ]
    noise = [
        replace(part, name=f"{words}, {part.name}")
        for name, words in (("uniform", "uniform"), ("gaussian", "Gaussian"))
        for part in _images(settings, scale.long, named(f"auroc_{name}"), HIGHER, 1.0)
    ]
    return [
        Claim(
            "f1",
            "strange classes",
            "the confidence tells rows of unknown classes better (AUROC, 1 point or"
            " more)",
            "Thulasidasan et al. 2019",
            f"trained on 8 of the 10 classes, {scale.short} epochs",
            held_out,
        ),
        Claim(
            "f2",
            "noise",
            "and images of nothing",
            "Thulasidasan et al. 2019",
            "uniform, then Gaussian noise, for the nets of a1",
            noise,
        ),
    ]


def _smoothing(scale: Scale) -> list[Claim]:
    def ratios(metric: str, size: float, nothing: bool) -> list[Part]:
        return [
            Part(
                f"alpha {alpha:g}",
                "smoothing",
                named(metric),
                {f"{alpha:g}": 1.0},
                ABOVE_ONE,
                size,
                nothing=nothing,
            )
            for alpha in SMOOTHING_ALPHAS
        ]

    def lines(metric: str, unit: Any, size: float) -> list[Part]:
        digits_ = [
            Part(
                f"digits, {setting}",
                "mistake",
                named(metric),
                against(setting),
                unit,
                size,
                alone=True,
            )
            for setting in ("mixup 0.2", "mixup 1")
        ]
        images_ = _images(
            ("mixup 0.2", "mixup 1", "cutmix 1"), scale.long, named(metric), unit, size
        )
        return [*images_, *digits_]

    return [
        Claim(
            "g1",
            "label smoothing, exact formula",
            "mixing moves 1/2 - 1 / (a 4^a B(a, a)) of a label (to 2 %)",
            "Carratino et al. 2022",
            "10 000 labels of 10 classes per seed, mixed",
            ratios("exact_ratio", 2.0, True),
        ),
        Claim(
            "g2",
            "label smoothing, quoted formula",
            "a / (a + 1), which is quoted often, is right (to 2 %)",
            "many; nobody in particular",
            "the same",
            ratios("quoted_ratio", 2.0, True),
        ),
        Claim(
            "g3",
            "misses between rows",
            "half-way between two rows a mixed net rarely predicts a third class: 1"
            " point less or more",
            "Zhang et al. 2018, figure 2a",
            "300 pairs of test rows of different classes",
            lines("misses", LOWER, 1.0),
        ),
        Claim(
            "g4",
            "gradients between rows",
            "gradients are shorter there: 10 % or more",
            "Zhang et al. 2018, figure 2b; the Lipschitz claim",
            "length of the gradient of the loss by the input, half-way",
            lines("gradient_between", LESS, 10.0),
        ),
        Claim(
            "g5",
            "linear between rows",
            "predictions lie nearer to the mean of both ends: 10 % or more",
            "Zhang et al. 2018",
            "total variation distance half-way",
            lines("bend", LESS, 10.0),
        ),
    ]


def _mistakes(scale: Scale) -> list[Claim]:
    def pair(
        name: str,
        worse: str,
        better: str,
        metric: str,
        unit: Any,
        size: float,
        **more: Any,
    ) -> Part:
        return Part(
            name,
            more.pop("kind", "mistake"),
            named(metric),
            against(better, worse),
            unit,
            size,
            alone=True,
            **more,
        )

    def costs(worse: str, better: str, **more: Any) -> list[Part]:
        return [
            pair("accuracy", worse, better, "accuracy", LOST, 1.0, **more),
            pair(
                "log-loss, tempered",
                worse,
                better,
                "log_loss_tempered",
                MORE_LOSS,
                0.02,
                **more,
            ),
        ]

    setup = "700 handwritten digits, a perceptron; what is lost to the right way"
    short = (("epochs", scale.short),)
    return [
        Claim(
            "h1",
            "labels forgotten",
            "mixed inputs with their own labels alone lose (1 point, or 0.02)",
            "a mistake that users make",
            setup,
            costs("own labels alone", "mixup 1"),
        ),
        Claim(
            "h2",
            "alpha too large",
            "alpha = 32 loses to 0.2 where labels are right",
            "Zhang et al. 2018",
            f"{setup}; images with alpha 8, {scale.short} epochs",
            [
                *costs("mixup 32", "mixup 0.2"),
                Part(
                    "images, alpha 8",
                    "images",
                    ACCURACY,
                    against("mixup 0.2", "mixup 8"),
                    LOST,
                    1.0,
                    short,
                ),
            ],
        ),
        Claim(
            "h3",
            "within classes only",
            "partners of the own class alone lose the gain",
            "Zhang et al. 2018 (ablation)",
            setup,
            costs("within classes", "mixup 1"),
        ),
        Claim(
            "h4",
            "no folding",
            "lambda below one half changes nothing (less than 0.5 points, 0.02)",
            "symmetry",
            setup,
            [
                pair(
                    "accuracy",
                    "no folding",
                    "mixup 1",
                    "accuracy",
                    LOST,
                    0.5,
                    nothing=True,
                ),
                pair(
                    "log-loss, tempered",
                    "no folding",
                    "mixup 1",
                    "log_loss_tempered",
                    MORE_LOSS,
                    0.02,
                    nothing=True,
                ),
            ],
        ),
        Claim(
            "h5",
            "one late layer",
            "mixing the last hidden layer alone loses to layers drawn",
            "Verma et al. 2019",
            f"{setup}; images, {scale.short} epochs",
            [
                *costs("manifold, last layer", "manifold, all layers"),
                Part(
                    "images",
                    "images",
                    ACCURACY,
                    against("manifold 2", "late layer"),
                    LOST,
                    1.0,
                    short,
                ),
            ],
        ),
        Claim(
            "h6",
            "mixing left on in evaluation",
            "the accuracy that is read off is too low, by 5 points or more",
            "a mistake that users make",
            "the same nets, test rows mixed with alpha 1",
            [
                Part(
                    "mixup 1",
                    "mistake",
                    minus("accuracy", "left_on"),
                    {"mixup 1": 1.0},
                    LOST,
                    5.0,
                )
            ],
        ),
        Claim(
            "h7",
            "ids mixed and rounded",
            "blending category ids and rounding them loses to blending their vectors",
            "a mistake that users make",
            "splice: 60 columns of letters, 600 rows",
            costs("ids rounded", "vectors", kind="ids"),
        ),
    ]


def _elsewhere() -> list[Claim]:
    def part(name: str, kind: str, metric: str, setting: str, *rest: Any) -> Part:
        unit, size, *of = rest
        return Part(
            f"{name}, {setting}",
            kind,
            named(metric),
            against(setting),
            unit,
            size,
            tuple(of),
        )

    few, wrong = [], []
    for data in catalogue.TABLES:
        for setting in ("mixup 0.2", "mixup 1"):
            of = ("data", data)
            few.append(
                part(data, "table few", "log_loss_tempered", setting, SMALLER, 0.02, of)
            )
            if data in catalogue.TABLES[:2]:
                wrong.append(
                    part(
                        data,
                        "table wrong",
                        "log_loss_tempered",
                        setting,
                        SMALLER,
                        0.01,
                        of,
                    )
                )
    rare = [
        part(words, "imbalance", metric, setting, HIGHER, 1.0)
        for setting in ("mixup 0.2", "remix 1", "balanced mixup 0.2")
        for words, metric in (("balanced accuracy", "balanced"), ("rare", "rare"))
    ]
    after = "; after a temperature"
    return [
        Claim(
            "j1",
            "tables, few rows",
            "mixing helps where rows are few: log-loss 0.02 lower or more",
            "said of tables often",
            f"{catalogue.TABLE_ROWS} rows, a perceptron of the library{after}",
            few,
        ),
        Claim(
            "j2",
            "tables, wrong labels",
            "and where labels are wrong: 0.01 lower or more",
            "Zhang et al. 2018, of images",
            f"{catalogue.WRONG_ROWS:,} rows, 40 % of the labels wrong{after}",
            wrong,
        ),
        Claim(
            "j3",
            "rare classes",
            "Remix and balanced mixup help rare classes: 1 point or more",
            "Chou et al. 2020, Galdran et al. 2021",
            "letter, classes of 300 to 6 rows: balanced accuracy, and that of the nine"
            " rarest",
            rare,
        ),
        Claim(
            "j4",
            "numbers under shift",
            "C-Mixup lowers the error elsewhere, by 5 % or more",
            "Yao et al. 2022",
            "house prices of the south, predicted in the north of California",
            [
                Part(
                    f"{where}, {setting}",
                    "shift",
                    named(metric),
                    against(setting),
                    LESS,
                    5.0,
                )
                for setting in ("c-mixup 2", "mixup 0.2")
                for where, metric in (
                    ("elsewhere", "rmse_far"),
                    ("at home", "rmse_near"),
                )
            ],
        ),
        Claim(
            "j5",
            "texts",
            "mixing words helps with few texts: 1 point or more",
            "Guo et al. 2019",
            f"AG News, {catalogue.TEXT_ROWS} texts, a bag of words",
            [
                part("accuracy", "text", "accuracy", setting, HIGHER, 1.0)
                for setting in ("words 0.2", "reg mixup 10")
            ],
        ),
        Claim(
            "j6",
            "sounds",
            "mixing helps with few recordings: 1 point or more",
            "Tokozume et al. 2018, Gong et al. 2021",
            f"spoken digits, {catalogue.SOUND_ROWS} recordings, a convolutional net",
            [
                part("accuracy", "sound", "accuracy", setting, HIGHER, 1.0)
                for setting in ("mixup 0.2", "mixup 1")
            ],
        ),
    ]


def _test_time(scale: Scale) -> list[Claim]:
    def parts(name: str, size: float, nothing: bool) -> list[Part]:
        return [
            Part(
                setting,
                "images",
                minus(f"mixed_{name}", f"alone_{name}"),
                {setting: 1.0},
                HIGHER,
                size,
                (("epochs", scale.long),),
                nothing=nothing,
            )
            for setting in ("none", "mixup 1", "cutmix 1")
        ]

    setup = "predict_mixed: mean of 5 blends, half and half, with training images;"
    return [
        Claim(
            "k1",
            "mixing at test time, attacked",
            "predictions of mixed rows resist attacks: 5 points or more",
            "Pang et al. 2020",
            f"{setup} PGD of 4 / 255 on the net itself",
            parts("pgd_4", 5.0, False),
        ),
        Claim(
            "k2",
            "mixing at test time, clean",
            "and cost nothing on clean rows (less than 2 points)",
            "Pang et al. 2020",
            f"{setup} clean images",
            parts("clean", 2.0, True),
        ),
    ]
