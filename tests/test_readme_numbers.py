"""Every figure of the README is that of a committed run in `benchmarks/results`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
README = (ROOT / "README.md").read_text("utf-8")
# Figures that no benchmark has: versions, and examples of what is measured.
NOT_MEASURED = ("Python 3.11", "40 % of labels wrong", "40 % of targets wrong")
# A decimal number, a share, a time, or what stands beside a standard error.
FIGURE = re.compile(r"\d+\.\d+|± ?\d+|\d+ ?%|\d+ s\b")
NUMBER = re.compile(r"[+-]?\d+\.?\d*")


class Results:
    """The tables of a file."""

    def __init__(self, name: str) -> None:
        content = json.loads((RESULTS / f"{name}.json").read_text("utf-8"))
        self.tables = {table["title"]: table for table in content["tables"]}

    def cells(self, title: str, row: str) -> dict[str, str]:
        """Return a row of a table by the names of its columns."""
        table = self.tables[title]
        (found,) = [cells for cells in table["rows"] if cells[0] == row]
        return dict(zip(table["columns"], found, strict=True))

    def numbers(self, title: str, row: str, column: str) -> list[float]:
        """Return the mean, and its standard error where there is one."""
        cell = self.cells(title, row)[column]
        return [float(number) for number in NUMBER.findall(cell.replace("**", ""))]

    def rows(self, title: str) -> list[str]:
        """Return the names of the rows."""
        return [cells[0] for cells in self.tables[title]["rows"]]

    def notes(self) -> str:
        """Return what stands below the tables."""
        return " ".join(n for table in self.tables.values() for n in table["notes"])


def rounded(number: str) -> Decimal:
    """Return a number with one digit, halves away from zero, as people round."""
    return Decimal(number).quantize(Decimal("0.1"), ROUND_HALF_UP)


def mixing_pays() -> Iterator[str]:
    methods, title = Results("methods"), "cifar10: scores on the test part"
    (before, _), (after, _) = (
        methods.numbers(title, row, "ECE, %") for row in ("no mixing", "mixup")
    )
    gain = re.search(r"\bmixup \((\S+) ± (\S+)\)", methods.notes())
    assert gain is not None
    yield (
        f"calibration error {before:.1f} % to {after:.1f} %"
        f" ({rounded(gain[1])} ± {rounded(gain[2])} points)"
    )
    text, title = Results("text"), "AG News, 7 600 texts, a fifth to test"
    before, _ = text.numbers(title, "text_bag, no mixing", "accuracy")
    after, error = text.numbers(
        title, "text_bag, RegMixup of words, alpha 10", "accuracy"
    )
    yield f"accuracy {before:.4f} to {after:.4f} (± {error:.4f})"
    noise, what = Results("label_noise"), "What mixing changes: "
    wrong = "100% of the rows, 40% wrong"
    mean, error = noise.numbers(f"{what}refined-log-loss (default)", "telco", wrong)
    yield f"log-loss {mean:+.4f} ± {error:.4f} (telco)"
    mean, error = noise.numbers(
        f"{what}rmse (default)", "diamonds", "10% of the rows, 40% wrong"
    )
    yield f"RMSE {mean:+.0f} ± {error:.0f} (a tenth of diamonds)"
    mean, error = noise.numbers(
        f"{what}log-loss (default)", "adult", "100% of the rows, clean"
    )
    yield f"log-loss {mean:+.4f} ± {error:.4f} (adult)"


def against_others() -> Iterator[str]:
    found = Results("metatune")
    ranks = "Ranks, all tables"
    notes = " ".join(found.tables[ranks]["notes"])
    n_tables = re.search(r"(\d+) tables", notes)
    assert n_tables
    yield f"mean rank, {n_tables[1]} tables"
    names = {
        "CatBoost": "CatBoost",
        "default": "`MixupClassifier()`, `MixupRegressor()`",
        "LightGBM": "LightGBM",
        "HistGradientBoosting": "HistGradientBoosting",
        "MLP": "MLP of scikit-learn, early stopping",
        "XGBoost": "XGBoost",
        "RealMLP-TD": "RealMLP-TD of pytabkit",
    }
    for row, name in names.items():
        one = found.cells(ranks, row)
        ratio = float(one["mean ratio"])
        yield f"| {name} | {one['mean rank']} | {ratio:.2f} |"
    calibration = " ".join(found.tables["Calibration error"]["notes"])
    share = re.search(r"on (\d+ of \d+)", calibration)
    assert share
    yield f"on {share[1]} tables"
    seconds = found.cells("CPU seconds", "default / model, median")
    yield f"for {seconds['CatBoost']} times its CPU seconds"


def a_sweep() -> Iterator[str]:
    digits = Results("digits")
    title = "45 nets, trained and scored"
    grid, ours = (
        digits.numbers(title, name, "seconds [interval]")[0]
        for name in ("GridSearchCV", "MixupSearchCV")
    )
    yield f"by `GridSearchCV` in {grid:.1f} s and by `MixupSearchCV` in {ours:.1f} s"
    losses = digits.tables["Log-loss of five folds"]["rows"]
    raw, after = (min(losses, key=lambda row: float(row[i]))[0] for i in (1, 2))
    yield (
        f"{raw} looks best, and after the one number that repairs the confidence it is"
        f" {after}"
    )


def the_demo() -> Iterator[str]:
    demo = Results("demo")
    chapters = {
        "handwritten digits": "handwritten digits, log-loss after a temperature",
        "breast cancer": "breast cancer, the same (differences are chance)",
    }
    for title, name in chapters.items():
        alphas = demo.rows(title)
        yield "| | alpha " + " | ".join(alphas) + " |"
        losses = [demo.cells(title, a)["log-loss, tempered"] for a in alphas]
        verdict = " ".join(demo.tables[title]["notes"])
        if "mixing pays" in verdict:
            best = losses.index(min(losses))
            losses[best] = f"**{losses[best]}**"
        else:
            assert "is chance" in verdict
        yield f"| {name} | {' | '.join(losses)} |"


def plain(text: str) -> str:
    """Return text in one line, without minus signs of several kinds."""
    return re.sub(r"\s+", " ", text).replace("−", "-")


def prose() -> str:
    return plain(re.sub(r"^```.*?^```", "", README, flags=re.MULTILINE | re.DOTALL))


@pytest.mark.parametrize("about", [the_demo, mixing_pays, against_others, a_sweep])
def test_figures_are_those_of_the_results(about):
    for claim in about():
        assert plain(claim) in prose(), f"the results say: {claim}"


def test_no_figure_comes_from_nowhere():
    left = prose()
    for about in (the_demo, mixing_pays, against_others, a_sweep):
        for claim in about():
            left = left.replace(plain(claim), "")
    for words in NOT_MEASURED:
        left = left.replace(words, "")
    left = re.sub(r"\]\([^)]*\)", "", left)
    assert not FIGURE.findall(left), f"from no file of results: {FIGURE.findall(left)}"


def test_no_more_methods_are_promised_than_there_are():
    from sk_mixup.mixing import list_methods

    tens = ("Twenty", "Thirty", "Forty")
    ones = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    numbers = {
        f"{ten}{'-' + one if one else ''}": 10 * (2 + tens.index(ten)) + i
        for ten in tens
        for i, one in enumerate(["", *ones])
    }
    promised = re.search(r"\[(\S+) methods\]\(docs/guide/mixing.md\)", README)
    assert promised is not None
    said = promised[1]
    assert (numbers[said] if said in numbers else int(said)) <= len(list_methods())


@pytest.mark.parametrize(
    "path", sorted(RESULTS.glob("*.md")), ids=lambda path: path.stem
)
def test_results_say_when_and_of_which_code_they_are(path):
    head = path.read_text("utf-8").partition("\n## ")[0]
    for name in ("command", "date", "git commit", "torch", "scikit-learn"):
        assert re.search(rf"^- {name}: \S+", head, re.MULTILINE), name
