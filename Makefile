# Interlock: every routine command, by name. `make` alone prints them.
#
#   PYTHON=...   the interpreter to build the environment with (default: the first of 3.11, 3.12, 3.13 that runs)
#   VENV=...     where the environment goes (default: .venv)
#   ARGS=...     further arguments to pytest

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

PYTHON ?=
VENV ?= .venv
ARGS ?=

BIN := $(VENV)/bin
STAMP := $(VENV)/.stamp
LOCK := requirements/dev.lock

# Never fetch an interpreter behind the user's back: preflight has chosen one, or has said what to install.
export UV_PYTHON_DOWNLOADS := never
export UV_NO_PROGRESS := 1
# Trust what this machine trusts, so that a company proxy with its own certificate needs no setting here.
export UV_SYSTEM_CERTS ?= 1

# Tried offline first: when every file is here already, no index need be asked, and none need be reachable.
SYNC = $(BIN)/uv pip sync --quiet --require-hashes --python $(BIN)/python $(LOCK)
COMPILE = $(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 \
	--fork-strategy fewest --no-emit-index-url --custom-compile-command "make lock" $(UPGRADE)

.PHONY: help setup demo dev test lint notebooks screenshots bench mutants lock base clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

setup: $(STAMP) ## build the environment in .venv from the lock file

# The stamp makes a second run instant and offline: nothing is looked at until one of these files changes.
$(STAMP): pyproject.toml $(LOCK) Makefile .ci/preflight
	@python=$$(PYTHON='$(PYTHON)' .ci/preflight '$(VENV)') && \
		{ [ "$$python" = "$(BIN)/python" ] || "$$python" -m venv --clear $(VENV); }
	@[ -x $(BIN)/uv ] || { \
		awk '/^uv==/ { p = 1 } p { print } p && !/\\$$/ { exit }' $(LOCK) > $(VENV)/uv.lock && \
		$(BIN)/python -m pip install --quiet --require-hashes --no-deps -r $(VENV)/uv.lock; }
	@echo 'Installing what $(LOCK) names into $(VENV): about 1.3 GB, most of it for the pipeline.'
	@$(SYNC) --offline 2>/dev/null || $(SYNC)
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(STAMP) ## take a strategy from sample data to a dry run, and one to LIVE at an exchange on this machine alone
	@$(BIN)/interlock demo

dev: $(STAMP) ## start the Dagster UI, MLflow, the live service, the local exchange and Data Docs, until Ctrl-C
	@$(BIN)/interlock dev

test: $(STAMP) ## run every test that needs no network
	$(BIN)/python -m pytest -n 2 $(ARGS)

lint: $(STAMP) ## check style, types and the import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports
	$(BIN)/python .ci/check_sign_off

notebooks: $(STAMP) ## run the notebooks and write them as pages and .ipynb into docs/notebooks
	$(BIN)/python docs/notebooks/make_notebooks.py

screenshots: $(STAMP) ## take the documentation's pictures anew, from a demo and a workbench of their own
	UPDATE_SCREENSHOTS=1 REQUIRE_BROWSER=1 $(BIN)/python -m pytest -q tests/e2e/research

bench: $(STAMP) ## measure replay against its peers, and fail when a figure is not within what must be
	@$(BIN)/python tests/bench $(ARGS)

mutants: $(STAMP) ## change what trades and its journal in small ways, and see whether a test notices
	@$(BIN)/python tests/mutants $(ARGS)

base: $(STAMP) ## prove the live host's small install: packages, size, and the live end-to-end tests
	@VENV='$(VENV)' .ci/base

# The small locks are constrained by the large one, so a package has one version everywhere.
lock: $(STAMP) ## pin every dependency again, by hash (UPGRADE=--upgrade takes newer versions)
	$(COMPILE) pyproject.toml --all-extras --group dev --output-file requirements/dev.lock
	$(COMPILE) pyproject.toml --all-extras --constraints requirements/dev.lock --output-file requirements/all.lock
	$(COMPILE) pyproject.toml --constraints requirements/dev.lock --output-file requirements/live.lock
	$(COMPILE) --group test --constraints requirements/dev.lock --output-file requirements/test.lock

clean: ## remove the environments and every cache, and no data
	rm -rf $(VENV) .venv-base build dist .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
