# Everything runs from a fresh clone with Python 3.11+, git and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
REPO ?= .
PORT ?= 3000
PIP_OPTIONS ?=

.DEFAULT_GOAL := help
.PHONY: help index test test-fast lint types unit test-slow test-external coverage bench up serve clean distclean

help: ## Show this
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(READY): pyproject.toml deploy/constraints.txt deploy/install.py
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.12 …"; exit 1; }
	@echo "making the environment in $(VENV) (a few minutes the first time)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python deploy/install.py $(BIN)/pip $(PIP_OPTIONS) --constraint deploy/constraints.txt --editable ".[dev]"
	@touch $@

index: $(READY) ## Index a repository: make index REPO=<git URL or path> (default: this project)
	@$(BIN)/code-index index "$(REPO)"

test: lint types unit ## Lint, type-check and run all tests (what CI runs)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy --num-workers 2

unit: $(READY)
	$(BIN)/python -m pytest -n 3 --dist worksteal --durations=25

test-fast: $(READY) ## Only the tests that run in a moment: no chain, no Dagster, no server, no other process
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow and not external and not chain"

test-slow: $(READY) ## Run the slow tests too
	$(BIN)/python -m pytest -m "not external"

test-external: $(READY) ## The tests that need Chromium, ripgrep, Docker, Postgres or S3; each says what is missing
	$(BIN)/python -m pytest -m external

coverage: $(READY) ## All tests with coverage, child processes included; fails below the floor
	$(BIN)/python -m pytest -n 3 --dist worksteal --cov --cov-report=term

bench: $(READY) ## Run the benchmarks (BENCH_REPOS: a folder of bare clones named owner+name/repo)
	$(BIN)/python -m benchmarks

up: $(READY) ## Dagster UI and daemon on http://localhost:3000, on the same data
	@$(BIN)/code-index up --port $(PORT)

serve: $(READY) ## Search page and HTTP API on http://127.0.0.1:8765 (CODE_INDEX_PORT), on the same data
	@$(BIN)/code-index serve

clean: ## Remove the environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info

distclean: clean ## Remove all indexed data as well
	rm -rf .code-index
