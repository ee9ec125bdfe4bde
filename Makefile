# Assay. Two commands do everything: `make up` runs a subnet, `make test` tests the project.
# Both set themselves up in .venv; all set-up talk goes to stderr, so stdout is the result alone.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
PYTEST := $(BIN)/python -m pytest
# A person sees the download's progress; a log is spared it.
QUIET := $(shell test -t 2 || echo --quiet)
# Compile what is installed, as pip does and uv does not: torch and transformers cost a process 8 of its
# 12 s of processor time otherwise, at its first start, or at each where nobody may write bytecode.
export UV_COMPILE_BYTECODE := 1

.DEFAULT_GOAL := help
.PHONY: help up test test-long test-stock check fix docs clients mutate wheel bench clean

help: ## Say what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## */  make \1\t/' | expand -t 20

# Which environment that is says the task: torch is 4.5 GB, and most tasks have no use for it.
ifneq ($(filter up,$(MAKECMDGOALS)),)
UP_ENVIRONMENT := $(or $(shell $(PYTHON) -I -S subnet/needs.py $(ARGS) 2>/dev/null),inference)
endif

up: $(VENV)/.$(UP_ENVIRONMENT) ## Start a chain, miners and validators; ARGS='--until-first-reward --json'
	@exec $(BIN)/assay up $(ARGS)

# Workers and many children load the same tests and sources: compiled once, whatever the shell says.
# Three workers on two cores, because the tests with real processes mostly wait for blocks.
test test-long test-stock: export PYTHONDONTWRITEBYTECODE :=

test: $(VENV)/.dev ## The tests, in less than ten minutes
	@$(PYTEST) -m "not slow and not foreign and not stock" -n 3 --dist loadfile --no-loadscope-reorder $(ARGS)

# Clients who wait, then what computes, two at a time; then whole runs one by one, because half of a small
# machine is not what a run is made for: a process that gives way to all others waits forever beside one
# that computes. The clients' own run ends with them. 5 says that ARGS chose nothing of these.
test-long: $(VENV)/.dev clients ## The tests that take minutes, and the foreign clients
	@$(PYTEST) -m "foreign and not stock" -n 2 --dist loadfile --no-loadscope-reorder --timeout 1800 $(ARGS) || test $$? = 5
	@$(PYTEST) -m "slow and not foreign and not e2e and not stock" -n 2 --dist loadfile --no-loadscope-reorder --timeout 1800 $(ARGS) || test $$? = 5
	@$(PYTEST) -m "slow and e2e and not foreign and not stock" --timeout 1800 $(ARGS) || test $$? = 5

test-stock: $(VENV)/.dev ## The tests on Parity's own node, which is built first if it is not (40 minutes)
	@node=$$(scripts/stock_node.sh build) && ASSAY_STOCK_NODE=$$node ASSAY_NO_SKIPS=1 $(PYTEST) -m stock $(ARGS)

check: $(VENV)/.dev ## Format, lint, types and the house's own rules
	@scripts/check

fix: $(VENV)/.dev ## Let ruff mend what it can
	@scripts/fix

clients: $(VENV)-clients/.ready $(VENV)-clients-10.2/.ready $(VENV)-clients-10.5/.ready ## The foreign clients' own environments: btcli, substrate-interface, the SDK's 10.x lines
bench: $(VENV)/.inference clients ## All benchmarks, in their quick form
	@for bench in cli chain wire streams objects weights; do $(BIN)/python scripts/bench/$$bench --quick || exit 1; done

docs: $(VENV)/.dev ## Write docs/commands.md anew from the commands
	@$(BIN)/python scripts/commands_page.py

mutate: $(VENV)/.dev ## Change the code and see which changes no test notices; ARGS=scoring
	@$(BIN)/python scripts/mutate $(ARGS)

wheel: $(VENV)/.dev ## Build dist/assay-*.whl
	@$(BIN)/python -m hatchling build -t wheel >&2

clean: ## Remove what the targets above made (the environments and caches)
	rm -rf $(VENV) $(VENV)-* dist .cache .pytest_cache .mypy_cache .ruff_cache

# ---- set-up -------------------------------------------------------------------------------------

$(VENV)/.tools: requirements/tools.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed and none was found; install it, or give PYTHON=/path/to/python3" >&2; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is older than Python 3.11; give PYTHON=/path/to/python3.11" >&2; exit 2; }
	@echo "Making the environment $(VENV)" >&2
	@$(PYTHON) -m venv $(VENV) >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/tools.txt >&2
	@touch $@

# Each environment holds all that the one before it does.
$(VENV)/.base: $(VENV)/.tools requirements/base.txt pyproject.toml
	@test -e $(VENV)/.inference || test -e $(VENV)/.dev || { echo "Installing Assay, once: about 260 MB." >&2; \
	  $(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/base.txt >&2; }
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable . >&2
	@touch $@

$(VENV)/.inference: $(VENV)/.base requirements/inference.txt pyproject.toml
	@test -e $(VENV)/.dev || { echo "Installing torch and transformers, once: about 4.5 GB on Linux with an x86-64 processor, where torch brings CUDA." >&2; \
	  $(BIN)/uv pip install $(QUIET) --python $(BIN)/python --require-hashes -r requirements/inference.txt >&2; }
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable . >&2
	@touch $@

$(VENV)/.dev: $(VENV)/.tools requirements/dev.txt pyproject.toml
	@test -e $(VENV)/.inference || echo "Installing Assay's development environment (with torch: about 4.5 GB on Linux, once)." >&2
	@$(BIN)/uv pip install $(QUIET) --python $(BIN)/python --require-hashes -r requirements/dev.txt >&2
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable . >&2
	@touch $@

$(VENV)-clients/.ready: requirements/clients.txt
$(VENV)-clients-10.2/.ready: requirements/clients-10.2.txt
$(VENV)-clients-10.5/.ready: requirements/bench-bittensor10.txt
$(VENV)-%/.ready: $(VENV)/.tools
	@echo "Making the foreign clients' environment $(@D)" >&2
	@$(PYTHON) -m venv $(@D) >&2
	@$(BIN)/uv pip install $(QUIET) --python $(@D)/bin/python --require-hashes -r $(filter requirements/%,$^) >&2
	@touch $@
