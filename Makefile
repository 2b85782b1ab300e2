# Everything runs from a fresh clone with Python 3.11+, git and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
REPO ?= .
PORT ?= 3000
PIP_OPTIONS ?=
BUILD_OPTIONS ?=
COMPOSE ?= $(shell docker compose version >/dev/null 2>&1 && echo docker compose || echo docker-compose)
PROFILES ?= --profile search --profile dagster --profile postgres

.DEFAULT_GOAL := help
.PHONY: help index test test-fast lint types unit test-slow test-external coverage bench up up-docker serve clean distclean

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

up-docker: ## The image and its services on Docker: search, Dagster, Postgres, nginx; settings in deploy/.env
	@test -f deploy/.env || { echo "error: there is no deploy/.env"; echo "  → cp deploy/env.example deploy/.env, and fill it in"; exit 1; }
	@grep '^CODE_INDEX_POSTGRES_URL=.' deploy/.env | grep -qv ':PASSWORD@' || { echo "error: deploy/.env has no CODE_INDEX_POSTGRES_URL, or still the example's password"; echo "  → write POSTGRES_PASSWORD and the same password into the address"; exit 1; }
	@grep -q '^CODE_INDEX_TOKENS=.' deploy/.env || { echo "error: deploy/.env has no CODE_INDEX_TOKENS"; echo "  → set one: openssl rand -hex 24"; exit 1; }
	@test -f deploy/tls/tls.crt || { echo "error: there is no certificate at deploy/tls/tls.crt"; echo "  → put tls.crt and tls.key there; docs/deployment.md makes one for a try"; exit 1; }
	docker build $(BUILD_OPTIONS) -f deploy/Dockerfile -t code-index:0.2.0 .
	$(COMPOSE) --env-file deploy/.env -f deploy/compose.yaml $(PROFILES) up --detach

serve: $(READY) ## Search page and HTTP API on http://127.0.0.1:8765 (CODE_INDEX_PORT), on the same data
	@$(BIN)/code-index serve

clean: ## Remove the environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info

distclean: clean ## Remove all indexed data as well
	rm -rf .code-index
