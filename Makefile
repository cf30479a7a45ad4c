# `make demo` and `make test` do all set-up on a fresh machine; running them again costs nothing.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.set-up
SLICER := $(VENV)/.slicer-core

# Threads that spin while they wait make torch several times slower on a machine that is busy otherwise.
export OMP_WAIT_POLICY ?= PASSIVE

.PHONY: help demo test lint benchmark pictures clean

help:
	@echo "make demo       detect landmarks on a face made by the package, write files and a picture to demo/"
	@echo "make test       ruff, mypy and the whole test-suite"
	@echo "make lint       ruff and mypy alone"
	@echo "make benchmark  the table of speed and memory (installs the comparisons)"
	@echo "make pictures   draw the README's pictures again"
	@echo "make clean      remove the environment and everything generated"

$(STAMP): pyproject.toml .ci/set-up
	@PYTHON="$(PYTHON)" VENV="$(VENV)" .ci/set-up
	@touch $@

demo: $(STAMP)
	$(BIN)/sgcn-landmarks demo --output-dir demo

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/mypy

# Slicer without its panel, for the tests of the extension; where it cannot be had they are skipped, saying so.
$(SLICER): $(STAMP)
	@$(BIN)/python -m pip install --quiet -e ".[slicer-test]" || echo "set-up: no slicer-core here; its tests are skipped"
	@touch $@

test: lint $(SLICER)
	$(BIN)/python -m pytest

benchmark: $(STAMP)
	$(BIN)/python -m pip install --quiet -e ".[bench]"
	$(BIN)/python -m research.benchmarks

pictures: $(STAMP)
	$(BIN)/python -m research.figures.make_pictures

clean:
	rm -rf $(VENV) demo build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
