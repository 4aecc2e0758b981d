"""How `make docs` builds the site.

Pages are MyST Markdown, the reference comes from docstrings, the gallery from scripts
that are run while the site is built. The tables of `benchmarks/results` become pages as
they are committed: nobody copies a figure by hand.
"""

from __future__ import annotations

import shutil
import sys
import warnings
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

import matplotlib as mpl  # noqa: E402

mpl.use("agg")

import sk_mixup  # noqa: E402

project = "sk-mixup"
author = "the sk-mixup developers"
copyright = "the sk-mixup developers"
release = version = sk_mixup.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
]
root_doc = "index"
exclude_patterns = ["_build", "gallery/*.rst", "coverage-data"]
# Numpydoc lists references whether or not the text points at each.
# What methods inherit from scikit-learn points into its documentation.
suppress_warnings = ["config.cache", "ref.footnote", "ref.ref", "ref.term"]

myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3

# Docstrings write names in single backticks.
default_role = "code"
autosummary_generate = True
autodoc_typehints = "none"
autodoc_member_order = "bysource"
autodoc_default_options = {"inherited-members": False}
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True


def dressed(gallery_conf: Any, fname: Any) -> None:
    """Give every picture of the gallery the look of the displays."""
    import matplotlib.style

    matplotlib.style.use("sk_mixup.inspection.pictures")


sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "auto_gallery",
    "filename_pattern": r"plot_",
    "download_all_examples": False,
    "show_memory": False,
    "show_signature": False,
    "min_reported_time": 1000,
    "abort_on_example_error": True,
    "reset_modules": ("matplotlib", dressed),
}
warnings.filterwarnings("ignore", message="FigureCanvasAgg is non-interactive")

html_theme = "furo"
html_title = "sk-mixup"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_copy_source = False


def write_results(app: Any) -> None:
    """Make a page of every committed table of the benchmarks."""
    target = HERE / "benchmarks" / "results"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    results = HERE.parent / "benchmarks" / "results"
    for file in sorted((*results.glob("*.md"), *results.glob("*.png"))):
        shutil.copy(file, target / file.name)


def setup(app: Any) -> None:
    """Connect what is written before the build."""
    app.connect("builder-inited", write_results)
