"""Pictures of the claims: effects with their intervals, a picture per family."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.claims.claims import Claim
from benchmarks.claims.parts import Found
from benchmarks.claims.scores import FGSM_RADII, PGD_RADII

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLORS = {
    "holds": "#1b7837",
    "in part": "#7fbf7b",
    "not here": "#b2182b",
    "untested": "#999999",
}
WORDS = {
    "holds": "holds",
    "in part": "smaller than said",
    "not here": "does not hold",
    "untested": "cannot tell",
}


def draw_all(claims: Sequence[Claim], found: Found, folder: Path) -> dict[str, Path]:
    """Draw what can be drawn; return the files by the letter of the family."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        return {}
    drawn = {}
    for letter in sorted({claim.letter[0] for claim in claims}):
        family = [c for c in claims if c.letter[0] == letter and _known(c, found)]
        curves = CURVES.get(letter)
        has_curves = curves is not None and bool(_cells(found, curves[0]))
        n = len(family) + has_curves
        if n == 0:
            continue
        rows = max([*(len(c.run_parts(found)) for c in family), 8])
        n_columns = min(n, 3)
        n_lines = -(-n // n_columns)
        figure = Figure(
            figsize=(5.2 * n_columns, n_lines * (1.1 + 0.24 * rows)),
            layout="constrained",
        )
        FigureCanvasAgg(figure)
        axes = list(np.ravel(figure.subplots(n_lines, n_columns, squeeze=False)))
        for claim, ax in zip(family, axes, strict=False):
            forest(ax, claim, found)
        if has_curves and curves is not None:
            curves[1](axes[len(family)], found)
        for ax in axes[n:]:
            ax.set_visible(False)
        file = folder / f"claims_{letter}.png"
        folder.mkdir(parents=True, exist_ok=True)
        figure.savefig(file, dpi=80)
        drawn[letter] = file
    return drawn


def _known(claim: Claim, found: Found) -> bool:
    return bool(claim.run_parts(found))


def forest(ax: Axes, claim: Claim, found: Found) -> None:
    """Draw the effects of a claim, one under the other.

    Where they are of several units, in multiples of what is said.
    """
    parts = claim.run_parts(found)
    units = dict.fromkeys(part.unit.words for part in parts)
    label, seen = next(iter(units)), set()
    if len(units) > 1:
        label = "multiples of what is said"
    middles, reaches = [0.0], [0.0]
    for i, part in enumerate(parts):
        got = part.found(found)
        assert got is not None
        kind, scale = part.verdict(found), part.size if len(units) > 1 else 1.0
        middle = got.mean / scale
        ends = (middle, middle)
        if math.isfinite(got.low):
            ends = (got.low / scale, got.high / scale)
        ax.plot(ends, (-i, -i), color=COLORS[kind], linewidth=2)
        words = WORDS[kind] if kind not in seen else None
        ax.plot(middle, -i, "o", color=COLORS[kind], markersize=4, label=words)
        seen.add(kind)
        middles.append(middle)
        reaches.append(ends[1] - middle)
    ax.axvline(0, color="black", linewidth=0.8)
    size = parts[0].size if len(units) == 1 else 1.0
    for at in (-size, size) if parts[0].nothing else (size,):
        ax.axvline(at, color="black", linewidth=0.8, linestyle=":")
    # One wide interval must not hide all others.
    reach = 2.5 * float(np.median(reaches[1:])) + 0.05 * size
    low, high = min(middles) - reach, max([*middles, size]) + reach
    left, right = ax.get_xlim()
    ax.set_xlim(max(left, low), min(max(right, size), high))
    ax.set_yticks([-i for i in range(len(parts))], [p.name for p in parts], fontsize=7)
    ax.set_ylim(-len(parts) + 0.4, 0.6)
    ax.set_xlabel(label, fontsize=8)
    ax.tick_params(axis="x", labelsize=7)
    ax.set_title(f"{claim.letter}: {claim.name}", fontsize=9)
    ax.legend(frameon=False, fontsize=6, loc="best")
    ax.spines[["top", "right"]].set_visible(False)


# --- curves --------------------------------------------------------------------------


def _cells(found: Found, kind: str) -> dict[Any, list[dict[str, Any]]]:
    groups: dict[Any, list[dict[str, Any]]] = {}
    for cell, result in found.items():
        if cell.kind == kind:
            groups.setdefault((cell.setting, cell.of), []).append(result)
    return groups


def _mean(results: list[dict[str, Any]], name: str) -> float:
    return float(np.mean([result[name] for result in results]))


def _finish(ax: Axes, title: str, x: str, y: str) -> None:
    ax.set_title(title, fontsize=9)
    ax.set_xlabel(x, fontsize=8)
    ax.set_ylabel(y, fontsize=8)
    ax.tick_params(labelsize=7)
    ax.legend(frameon=False, fontsize=6)
    ax.spines[["top", "right"]].set_visible(False)


def noise_curves(ax: Axes, found: Found) -> None:
    """Accuracy per epoch where two labels in five are wrong."""
    for (setting, of), results in _cells(found, "images wrong").items():
        if dict(of)["share"] != 0.4:
            continue
        curve = np.mean([result["curve"] for result in results], axis=0)
        ax.plot(np.arange(1, len(curve) + 1), 100 * curve, label=setting)
    _finish(ax, "images, 40 % wrong labels", "epoch", "test accuracy, %")


def attack_curves(ax: Axes, found: Found) -> None:
    """Accuracy against the radius, FGSM and PGD."""
    groups = _cells(found, "images")
    longest = max((of for _, of in groups), key=lambda of: dict(of)["epochs"])
    for i, setting in enumerate(("none", "mixup 0.2", "mixup 1", "cutmix 1")):
        results = groups.get((setting, longest))
        if results is None:
            continue
        for attack, radii, line in (
            ("fgsm", FGSM_RADII, "-"),
            ("pgd", PGD_RADII, "--"),
        ):
            values = [100 * _mean(results, f"{attack}_{radius}") for radius in radii]
            ax.plot(radii, values, line, color=f"C{i}", label=f"{setting}, {attack}")
    ax.set_xscale("log", base=2)
    ax.set_xticks(FGSM_RADII, [f"{radius:g}" for radius in FGSM_RADII])
    _finish(ax, "white box", "radius, 255ths", "accuracy, %")


def alpha_curve(ax: Axes, found: Found) -> None:
    """Log-loss of the perceptron against alpha."""
    groups = _cells(found, "mistake")
    alphas = sorted(
        float(setting.split()[1]) for setting, _ in groups if setting[:6] == "mixup "
    )
    for name, words in (
        ("log_loss", "as it is"),
        ("log_loss_tempered", "after a temperature"),
    ):
        values = [_mean(groups[f"mixup {alpha:g}", ()], name) for alpha in alphas]
        (line,) = ax.plot(alphas, values, "o-", markersize=3, label=words)
        if ("none", ()) in groups:
            base = _mean(groups["none", ()], name)
            ax.axhline(base, color=line.get_color(), linewidth=0.8, linestyle=":")
    ax.set_xscale("log")
    _finish(ax, "digits; dotted: no mixing", "alpha", "log-loss")


def smoothing_curve(ax: Axes, found: Found) -> None:
    """Mass that moves against alpha, measured and by both formulas."""
    groups = _cells(found, "smoothing")
    alphas = sorted(float(setting) for setting, _ in groups)
    for name, line in (("measured", "o"), ("exact", "-"), ("quoted", "--")):
        values = [_mean(groups[f"{alpha:g}", ()], name) for alpha in alphas]
        ax.plot(alphas, values, line, label=name)
    ax.set_xscale("log")
    _finish(ax, "label smoothing", "alpha", "mass that leaves a label")


#: Beside the effects: the kind of cells that a picture needs, and what draws it.
CURVES = {
    "c": ("images wrong", noise_curves),
    "d": ("images", attack_curves),
    "g": ("smoothing", smoothing_curve),
    "h": ("mistake", alpha_curve),
}
