# Each target sets up .venv by itself (from constraints.txt) when it is missing or out
# of date. Another interpreter: make test PYTHON=python3.13

PYTHON  ?= python3
# Test processes; each uses one thread, or two cores would run four.
WORKERS ?= 2
# Passed on to the demo: make demo ARGS="--csv table.csv --target price"
ARGS    ?=
# A folder with the benchmarks' data sets: make bench DATA=folder
DATA    ?=

VENV := .venv
BIN  := $(VENV)/bin
DONE := $(VENV)/.installed
# Environments of their own: for the wheel, and for the oldest versions allowed.
WHEEL  := .venv-wheel
OLDEST := .venv-oldest
# And for packages of others that take our estimators.
ECOSYSTEM := .venv-ecosystem
ECOSYSTEM_PACKAGES := captum cleanlab distributed fairlearn imbalanced-learn mapie mlflow onnx onnxruntime \
  onnxscript optuna ray shap skops skrub sktime
# The lower bounds of pyproject.toml. torch is the one of constraints.txt: its oldest
# allowed version comes from PyPI with gigabytes of CUDA.
OLDEST_VERSIONS := numpy==1.26.4 pandas==2.2.3 scikit-learn==1.6.1 skorch==1.2.0

.DEFAULT_GOAL := help
.PHONY: help demo test test-wheel test-oldest test-ecosystem lint docs bench clean

help:
	@echo "make demo    sweep alpha on two real tables: a gain, and none (demo_output/)"
	@echo "             (your table: make demo ARGS=\"--csv FILE --target COLUMN\")"
	@echo "make test    lint, types, import directions, tests, docstrings, README, notebook"
	@echo "make lint    the first three of these"
	@echo "make test-wheel   build the wheel, install it elsewhere, run the short example"
	@echo "make test-oldest  estimators, mixing and searches with the oldest versions allowed"
	@echo "make docs    build the site, docs/_build/html (warnings are errors)"
	@echo "make test-ecosystem  packages of others, as far as they install"
	@echo "make bench   all benchmarks (DATA=folder for those that need data sets)"
	@echo "make clean   remove outputs, caches and the environments but .venv"
	@echo
	@echo "PYTHON=python3.13 names another interpreter, WORKERS=4 more test processes."

$(DONE): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "sk-mixup needs Python 3.11 or newer, and '$(PYTHON)' is" \
	    "$$($(PYTHON) --version 2>&1 || true)." \
	    "Name a newer one: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@echo "Installing into $(VENV); the first time takes some minutes (PyTorch is large)."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -q -c constraints.txt torch
	@$(BIN)/python -m pip install -q -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(DONE)
	$(BIN)/python examples/quickstart.py --output demo_output $(ARGS)

lint: $(DONE)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

test: lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

# From an empty folder, so that what runs is what was installed.
test-wheel: $(DONE)
	rm -rf dist $(WHEEL)
	$(BIN)/python -m pip wheel -q --no-deps -w dist .
	$(PYTHON) -m venv $(WHEEL)
	$(WHEEL)/bin/python -m pip install -q -c constraints.txt torch
	$(WHEEL)/bin/python -m pip install -q -c constraints.txt dist/*.whl
	mkdir -p $(WHEEL)/empty
	cd $(WHEEL)/empty && ../bin/python ../../tests/wheel.py ../../README.md

test-oldest:
	test -d $(OLDEST) || $(PYTHON) -m venv $(OLDEST)
	$(OLDEST)/bin/python -m pip install -q -c constraints.txt torch
	$(OLDEST)/bin/python -m pip install -q $(OLDEST_VERSIONS) \
	  "pyarrow<19" hypothesis matplotlib polars narwhals psutil "pytest<9" pytest-xdist tqdm -e ".[text]"
	OMP_NUM_THREADS=1 $(OLDEST)/bin/python -m pytest -n $(WORKERS) --dist worksteal \
	  -p tests.oldest tests/estimators tests/mixing tests/model_selection

# The gallery is run and drawn each time.
docs: $(DONE)
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[docs]'
	OMP_NUM_THREADS=2 $(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

# One after the other: what does not install here is left out, and its test skipped.
# Without our constraints, beside which some of them cannot be.
test-ecosystem:
	test -d $(ECOSYSTEM) || $(PYTHON) -m venv $(ECOSYSTEM)
	$(ECOSYSTEM)/bin/python -m pip install -q -c constraints.txt torch
	$(ECOSYSTEM)/bin/python -m pip install -q hypothesis matplotlib "pytest>=8.2" -e ".[text]"
	@for package in $(ECOSYSTEM_PACKAGES); do \
	  $(ECOSYSTEM)/bin/python -m pip install -q $$package \
	    || echo "$$package does not install here" >&2; done
	OMP_NUM_THREADS=1 $(ECOSYSTEM)/bin/python -m pytest tests/ecosystem tests/export

bench: $(DONE)
	$(BIN)/python -m benchmarks all $(if $(DATA),--data $(DATA))

clean:
	rm -rf $(WHEEL) $(OLDEST) $(ECOSYSTEM) demo_output docs/_build docs/auto_gallery docs/generated build dist .pytest_cache .ruff_cache .mypy_cache \
	  .import_linter_cache .hypothesis
	find . -path ./$(VENV) -prune -o -name __pycache__ -type d -exec rm -rf {} +
