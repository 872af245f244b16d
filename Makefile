# Everything here needs git, make and Python 3.11 or newer, and nothing else: what it needs more, it puts into .venv.
#
#   make demo                       the whole thing on this machine, with a simulated Slack; ARGS="--callbacks 20"
#   make test                       lint, types, import contracts, all tests; ARGS="-k embedded" picks tests
#   make lint                       the first three of these
#   make chaos                      ten minutes of killed workers, stopped Redis and bad endpoints
#   make bench                      the figures of docs/performance.md, measured on this machine
#   make docs                       draw anew what the docs show of the program
#   make lock                       choose the newest dependencies that pyproject.toml allows

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
LOCK := $(BIN)/uv pip compile pyproject.toml --quiet --upgrade --universal --python-version 3.11 \
        --generate-hashes --no-emit-index-url --no-emit-find-links \
        --annotation-style line --custom-compile-command "make lock"
AT_ONCE := --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder
ARGS ?=

.PHONY: demo test lint chaos bench docs lock
.DELETE_ON_ERROR:

demo: $(VENV)/.runs
	@$(BIN)/relay demo $(ARGS)

test: lint
	$(BIN)/python -m pytest $(AT_ONCE) $(ARGS)

lint: $(VENV)/.tests
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --verbose > $(VENV)/imports.log || { cat $(VENV)/imports.log; exit 1; }

chaos: $(VENV)/.tests
	$(BIN)/python -m tests.chaos $(ARGS)

bench: $(VENV)/.tests
	$(BIN)/python -m benchmarks $(ARGS)

docs: $(VENV)/.tests
	$(BIN)/python -m tests.house.drawings

lock: $(VENV)/.tests
	$(LOCK) --group build --output-file requirements.txt
	$(LOCK) --group build --group dev --output-file requirements-dev.txt --constraint requirements.txt

$(VENV)/.made:
	@for python in python3.11 python3.12 python3.13 python3.14 python3; do \
	  if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    echo "Setting up $(VENV) with $$($$python --version)"; \
	    $$python -m venv $(VENV) && touch $@; exit; \
	  fi; \
	done; echo "relay needs Python 3.11 or newer, and there is none on PATH."; exit 1

# The stamps are older than what they were made from when that has changed, and only then is anything installed again.
$(VENV)/.runs: requirements.txt pyproject.toml | $(VENV)/.made
	@echo "Installing what relay needs (requirements.txt)"
	@$(PIP) --require-hashes --requirement requirements.txt
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.tests: requirements-dev.txt pyproject.toml | $(VENV)/.made
	@echo "Installing what relay and its tests need (requirements-dev.txt)"
	@$(PIP) --require-hashes --requirement requirements-dev.txt
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@
