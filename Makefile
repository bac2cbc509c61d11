# Everything runs from .venv in this folder; nothing else on the machine is touched.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PEERS := .venv-bench/.installed .venv-bench-arq/.installed .venv-bench-saq/.installed
# Of each measurement that `make bench` makes.
ROUNDS ?= 5

.DEFAULT_GOAL := help
.PHONY: help setup demo drill test check format lint types unit functional applications chaos bench figures soak mutate coverage reference lock worker sandbox flower exporter monitoring clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: $(STAMP) ## Create .venv and install everything, pinned and hashed

$(STAMP): requirements/dev.txt pyproject.toml client/pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e ./client -e .
	@touch $(STAMP)

demo: $(STAMP) ## See the main job done: embedded Valkey, sandbox, worker, sample events
	@$(BIN)/convertro demo $(ARGS)

drill: $(STAMP) ## Break everything for two minutes, then count what arrived
	@$(BIN)/convertro drill --embedded $(ARGS)

# Most of the time a test waits for processes: three at once share two cores well.
test: $(STAMP) ## Run every test but the slow ones
	$(BIN)/pytest -m "not slow and not applications" --numprocesses 3 --dist worksteal

check: lint types unit ## What must pass before a commit

format: $(STAMP) ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports

types: $(STAMP)
	$(BIN)/mypy

unit: $(STAMP) ## Run the tests that need no server
	$(BIN)/pytest -q tests/unit tests/contract --numprocesses 2

functional: $(STAMP) ## Run the tests with a real Valkey, worker and sandbox
	$(BIN)/pytest tests/functional -m "not applications"

applications: $(STAMP) ## Run the tests in which real applications use the client's wheel
	$(BIN)/pytest tests/functional/applications --numprocesses 2 --dist worksteal

chaos: $(STAMP) ## Run the tests that kill and break things, the slow ones too
	$(BIN)/pytest -rP tests/chaos

coverage: $(STAMP) ## Measure branch coverage of the unit tests
	$(BIN)/pytest -q tests/unit tests/contract --cov --cov-report=term-missing:skip-covered

bench: $(STAMP) $(PEERS) ## Measure everything beside other queues and the machine's limits, 1.5 hours (ROUNDS=1)
	$(BIN)/python -m benchmarks.race --rounds $(ROUNDS) $(ARGS)
	for name in limits growth scaling safeties durability idle steps; do $(BIN)/python -m benchmarks.$$name --rounds $(ROUNDS) || exit 1; done
	$(MAKE) --no-print-directory figures

figures: $(STAMP) $(PEERS) ## Make tables and pictures of what was measured (INTO=docs: those of the documentation)
	.venv-bench/bin/python -m benchmarks.report $(if $(INTO),--into $(INTO))

# The queues that are raced against are installed apart: nothing here imports them.
.venv-%/.installed: requirements/%.txt
	$(PYTHON) -m venv .venv-$*
	.venv-$*/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/$*.txt
	@touch $@

soak: $(STAMP) ## Run a drill of 30 minutes and draw the memory that it takes
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/soak.txt
	$(BIN)/python -m benchmarks.soak $(ARGS)

mutate: $(STAMP) ## Change the code at random and see which tests notice (half an hour; ARGS="--seed 2")
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/mutation.txt
	$(BIN)/python -m tests.mutation.lua $(ARGS)
	$(BIN)/python -m tests.mutation.pure $(ARGS)

reference: $(STAMP) ## Rewrite docs/configuration.md and .env.example from the settings
	$(BIN)/python -m config.write_reference

lock: $(STAMP) ## Renew the pinned requirements
	$(BIN)/uv pip compile --quiet --no-strip-extras --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --extra build --extra exporter --extra flower --extra sandbox -o requirements/worker.txt pyproject.toml
	$(BIN)/uv pip compile --quiet --no-strip-extras --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --extra dev -o requirements/dev.txt pyproject.toml client/pyproject.toml
	$(BIN)/uv pip compile --quiet --no-strip-extras --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --extra soak -o requirements/soak.txt pyproject.toml
	$(BIN)/uv pip compile --quiet --no-strip-extras --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --extra mutation -c requirements/dev.txt -o requirements/mutation.txt pyproject.toml
	$(BIN)/uv pip compile --quiet --no-strip-extras --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --group applications -c requirements/dev.txt -o requirements/applications.txt client/pyproject.toml
	for group in bench bench-arq bench-saq; do $(BIN)/uv pip compile --quiet --no-strip-extras --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --group $$group -o requirements/$$group.txt || exit 1; done

worker: $(STAMP) ## Start a worker with the settings of the environment
	$(BIN)/celery -A worker.app worker $(ARGS)

sandbox: $(STAMP) ## Start the Convertro sandbox
	$(BIN)/convertro sandbox $(ARGS)

flower: $(STAMP) ## Start Flower on this machine's port 5555
	$(BIN)/celery -A worker.app flower --address=127.0.0.1 --tasks-columns=name,uuid,state,result,received,runtime,worker $(ARGS)

exporter: $(STAMP) ## Serve Prometheus metrics on this machine's port 9808
	$(BIN)/convertro exporter $(ARGS)

monitoring: ## Test the alert rules with Prometheus's promtool
	@command -v promtool >/dev/null || { echo "promtool is not installed; it comes with Prometheus (Debian: apt install prometheus)." >&2; exit 1; }
	promtool check config monitoring/prometheus.yml
	promtool test rules monitoring/alerts_test.yml

clean: ## Remove what setup and the tests made
	rm -rf $(VENV) .venv-bench .venv-bench-arq .venv-bench-saq .import_linter_cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage *.egg-info
