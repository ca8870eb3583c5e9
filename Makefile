# Every recipe sets up what it needs; `make help` lists them.
PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help demo test fast lint types tests soak lab bench clean

help: ## List the recipes
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

.venv/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

.venv/.programs: .venv/.ready
	@for program in chromium postgresql; do \
	  command -v $$program >/dev/null || ls -d /usr/lib/$$program/*/bin >/dev/null 2>&1 || missing="$$missing $$program"; \
	done; \
	if [ -n "$$missing" ] && command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $$missing; } >/dev/null \
	    || echo "could not be installed:$$missing; the tests that need it are skipped"; \
	elif [ -n "$$missing" ]; then \
	  echo "not installed:$$missing; the tests that need it are skipped"; \
	fi
	@touch $@

demo: .venv/.ready ## Backtest a shipped stream on the shipped events
	$(BIN)/streamkit backtest data/streams/checkout-rescue.yaml --events data/shop --schema data/schema.yaml

test: lint types tests ## Everything that CI runs

fast: .venv/.ready ## The tests that take no more than a few seconds each
	$(BIN)/pytest -n 2 -m 'not slow and not soak'

lint: .venv/.ready ## Format, lint, and which room may import which
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports

types: .venv/.ready ## The strict type checker
	$(BIN)/mypy

tests: .venv/.ready .venv/.programs ## All tests
	$(BIN)/pytest -n 2 -m 'not soak'

soak: .venv/.ready ## Many more random cases (about half an hour)
	$(BIN)/pytest -n 2 -m soak

lab: .venv/.ready ## Open the notebooks in JupyterLab
	$(BIN)/jupyter lab notebooks

bench: .venv/.ready ## Measure with goals; EVENTS=… for other sizes, HUGE=1 for 200 million more, SOAK=1 for a long live run
	$(BIN)/python -m tests.bench $(if $(EVENTS),--events $(EVENTS)) $(if $(HUGE),--huge) $(if $(SOAK),--soak)

clean: ## Remove what the recipes made
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis out
