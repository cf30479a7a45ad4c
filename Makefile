# `make demo` and `make test` do all set-up on a fresh machine; running them again installs nothing anew.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
# One stamp per environment: what a user needs, all that development needs, the documentation tools.
USER := $(VENV)/.set-up
DEV  := $(VENV)/.set-up-dev
DOCS := $(VENV)/.set-up-docs

# Threads that spin while they wait make torch several times slower on a machine that is busy otherwise.
export OMP_WAIT_POLICY ?= PASSIVE
export NO_MKDOCS_2_WARNING := 1
# The tests start some hundred processes; without bytecode each would compile all that it imports, torch in four seconds.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test lint docs wheel benchmark pictures clean

help:
	@echo "make demo       detect landmarks on a generated face, write files and a picture to demo/"
	@echo "make test       linters, types, documentation and the whole test suite"
	@echo "make lint       linters and types alone"
	@echo "make docs       the documentation site, in site/"
	@echo "make wheel      wheel and source archive, in dist/"
	@echo "make benchmark  the table of speed and memory (installs the packages compared with)"
	@echo "make pictures   draw the pictures of README and documentation again"
	@echo "make clean      remove the environment and everything generated"

$(USER): pyproject.toml .ci/set-up
	@PYTHON="$(PYTHON)" VENV="$(VENV)" .ci/set-up
	@touch $@

# In one run of pip. Where slicer-core cannot be installed the tests of the extension are skipped, saying so.
$(DEV): pyproject.toml .ci/set-up
	@PYTHON="$(PYTHON)" VENV="$(VENV)" .ci/set-up dev docs slicer-test || \
		{ echo "set-up: trying without slicer-core"; PYTHON="$(PYTHON)" VENV="$(VENV)" .ci/set-up dev docs; }
	@touch $(USER) $(DOCS) $@

$(DOCS): $(USER)
	@VENV="$(VENV)" .ci/set-up docs
	@touch $@

demo: $(USER)
	$(BIN)/sgcn-landmarks demo --output-dir demo

lint: $(DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.citation-file-format CITATION.cff

docs: $(DOCS)
	$(BIN)/python -m mkdocs build --strict --quiet

# mypy and the documentation keep one core each busy.
test: $(DEV)
	$(MAKE) --jobs 2 lint docs
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --dist worksteal

wheel: $(DEV)
	$(BIN)/python -m build --outdir dist

benchmark: $(DEV)
	$(BIN)/python -m pip install --quiet -e ".[bench]"
	$(BIN)/python -m research.benchmarks

pictures: $(DEV)
	$(BIN)/python -m research.figures.make_pictures
	$(BIN)/python -m research.figures.make_report_picture

clean:
	rm -rf $(VENV) demo site build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
