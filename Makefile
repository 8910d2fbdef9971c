# Every target sets up what it needs in the private .venv; nothing is installed elsewhere.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help demo run web test system check gates faults bench chaos soak lock clean setup-runtime setup-dev
MAKEFLAGS += --no-print-directory

HOST ?= 127.0.0.1
PORT ?= 8000
# Test processes. Tests wait as long as they work, so two for each of a build server's cores; one that has
# no tests left takes over of another.
WORKERS ?= 4
UV ?= uv

# Works from any directory (make -C, make -f) and in paths with spaces.
makefile := $(MAKEFILE_LIST)
here := cd "$$(m='$(makefile)'; dirname "$${m\# }")"
setup = $(here) && python=$$(PYTHON='$(PYTHON)' sh scripts/python) && "$$python" scripts/setup.py
python := $(here) && .venv/bin/python

help: ## show this help
	@$(here) && awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' Makefile

demo: setup-runtime ## two real tasks on bundled data, from submission to the checked report
	@$(here) && exec .venv/bin/lgma demo

run: web ## server with its pages on http://127.0.0.1:8000 (HOST=, PORT=)
	@$(here) && exec .venv/bin/lgma serve --host "$(HOST)" --port "$(PORT)"

web: setup-runtime ## build the front end into the package (skipped when nothing changed)
	@$(python) scripts/web.py build

test: gates ## all quality gates and the whole test suite, with coverage
	@echo "test: front end";       $(python) scripts/web.py test
	@echo "test: whole suite on $(WORKERS) processes"
	@$(here) && OPENBLAS_NUM_THREADS=1 .venv/bin/python -m pytest -n $(WORKERS) --dist worksteal -m "not system and not thorough" --cov --cov-report= --cov-fail-under=0 tests
	@$(python) -m coverage report

system: setup-dev web ## the tests that use servers or a browser, with Debian's PostgreSQL 15, Redis 7 and pgbouncer
	@echo "system: servers of Debian, on $(WORKERS) processes"
	@$(here) && LGMA_TEST_POSTGRES=15 LGMA_TEST_REDIS=debian OPENBLAS_NUM_THREADS=1 .venv/bin/python -m pytest -n $(WORKERS) --dist worksteal -m "system or servers or thorough" tests

check: gates ## the fast part: quality gates and unit tests
	@echo "check: unit tests"
	@$(here) && OPENBLAS_NUM_THREADS=1 .venv/bin/python -m pytest -n $(WORKERS) --dist worksteal tests/unit

gates: setup-dev web
	@echo "gates: ruff";          $(python) -m ruff check --quiet .
	@echo "gates: import-linter"; $(here) && .venv/bin/lint-imports --no-logo > .venv/lint-imports.log || { cat .venv/lint-imports.log; exit 1; }
	@echo "gates: deptry";        $(python) -m deptry --no-ansi src 2> .venv/deptry.log || { cat .venv/deptry.log; exit 1; }
	@echo "gates: mypy";          $(python) -m mypy

faults: setup-dev ## seed known bugs into a copy: each must turn a test red (FAULTS="word …")
	@$(python) -m scripts.faults $(FAULTS)

bench: setup-dev ## measure everything under bench/ (BENCH='--only latency' for a part)
	@$(python) -m bench $(BENCH)

chaos: setup-dev ## every fault against real processes: lost, repeated, recovered, seconds
	@$(python) -m scripts.chaos $(FAULTS)

soak: setup-dev ## memory and connections over a long run under load
	@$(python) -m bench.soak

lock: ## resolve the dependencies anew into requirements/*.lock (needs uv)
	@$(here) && UV='$(UV)' sh scripts/lock

clean: ## remove the environment, caches and build output (no task data)
	@$(here) && rm -rf .venv web/node_modules web/dist src/langgraph_multi_agent/web .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage .coverage.* dist build
	@$(here) && find src tests scripts bench -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

setup-runtime:
	@$(setup) runtime

setup-dev:
	@$(setup) dev
