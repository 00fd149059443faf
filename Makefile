# Every target sets itself up: all it needs is CPython 3.11, 3.12 or 3.13, make and git.
VERSIONS := 3.11 3.12 3.13
VENV ?= .venv
ifneq ($(words $(VENV)),1)
$(error VENV has to be one path without spaces, given "$(VENV)"; hint: leave it out for .venv)
endif
# An environment for another interpreter is made anew, so its folder holds nothing else.
ifeq ($(abspath $(VENV)),$(CURDIR))
$(error VENV has to be a folder of its own, given the project's; hint: leave it out for .venv)
endif
BIN := $(VENV)/bin
# uv compiles nothing, and without compiled packages each process takes twice the time to start.
unexport PYTHONDONTWRITEBYTECODE
# The first of some interpreters that runs and suits: its version and its path. A shim of pyenv runs
# only what is active, and a Debian without python3-venv has no ensurepip.
SUITS := import ensurepip, sys; v = "%d.%d" % sys.version_info[:2]; \
	sys.exit(v not in "$(VERSIONS)".split() or print(v, sys._base_executable))
first = $(shell $(foreach python,$1,"$(python)" -c '$(SUITS)' 2>/dev/null || \
	PYENV_VERSION=$(python:python%=%) "$(python)" -c '$(SUITS)' 2>/dev/null ||) true)
# Without PYTHON, .venv keeps the interpreter that it has.
INTERPRETER := $(call first,$(or $(PYTHON),$(BIN)/python $(VERSIONS:%=python%) python3))
READY := $(VENV)/.ready-$(firstword $(INTERPRETER))
CLIENTS := .venv-clients/.ready
# As pip does, uv shall trust what the machine trusts.
UV := $(BIN)/uv $(if $(wildcard /etc/ssl/certs/ca-certificates.crt),--system-certs)
# Strict: a package that could not be looked up is not one without vulnerabilities.
AUDIT = $(UV) tool run --quiet --from pip-audit==2.10.1 \
	pip-audit --strict --disable-pip --require-hashes --progress-spinner off

# The tests of one file may depend on one another, and share what they start. Three at a time, since
# those with servers wait for these most of the time. A test that hangs ends its process, and would
# hang again in a new one.
PARALLEL = -n 3 --dist loadfile --max-worker-restart 0
# Without what is slow and depends on no interpreter: texts and imports of the project itself, sizes
# of images, samples, and decisions that are searched by many random lives.
FAST = tests/unit tests/dags/test_dags.py tests/dags/test_broken_specs.py \
	$(addprefix tests/contract/test_,drift_report.py expectations.py store.py tables.py) \
	$(patsubst %,--ignore tests/unit/test_%.py,$(INTERPRETER_FREE)) \
	$(addprefix --ignore tests/,$(BESIDE) $(KILLS))
INTERPRETER_FREE = airport_hours_sample architecture ci_templates cluster_accounts compose dashboards dockerfiles docs_commands \
	document_paths flights_sample foreign_way_back guides kustomize manifests why_holds
others = $(foreach version,$(filter-out $(firstword $(INTERPRETER)),$(VERSIONS)),\
	$(if $(call first,python$(version)),$(version)))
FAULTS = kubernetes_double/own_tests rollouts dags/test_pods_in_trouble.py e2e/test_trouble.py
# Kills and outages of what runs on one machine, which take long.
KILLS = $(addprefix contract/test_local_,supervision.py up.py) e2e/test_backtest_killed.py \
	$(addprefix serving/test_,faults.py logs_of_lost_servers.py registered_anew.py rollouts_under_faults.py theorem.py) \
	$(addprefix unit/test_,rollout_kills.py search_kills.py search_workers.py theorem.py)
# Slipway beside what others made: a cluster's double, images' locks alone, other interpreters,
# an environment that has the wheel alone, public clients.
BESIDE = $(addprefix dags/test_,installed_wheel.py pods_on_cluster.py thin_airflow.py) $(addprefix e2e/test_,fresh_install.py pods.py) \
	$(addprefix serving/test_,images.py openapi.py public_clients.py public_signature.py) \
	$(addprefix unit/test_,compose_programs.py other_interpreters.py)
# The ring first: it takes longest, and waits for others most of the time.
TESTS = tests/e2e tests/serving tests/contract tests/dags tests/unit \
	$(addprefix --ignore tests/,$(FAULTS) $(KILLS) $(BESIDE)) --no-loadscope-reorder

# Only what is typed after `make`: whoever has exported KUBECONFIG did not mean this.
typed = $(if $(findstring command line,$(origin $1)),$2)
GROUND = $(call typed,KUBECONFIG,--verbose --kubeconfig "$(KUBECONFIG)") \
	$(call typed,IMAGE,--image "$(IMAGE)") $(call typed,GATEWAY,--gateway "$(GATEWAY)") \
	$(call typed,KEEP,--keep)

.DEFAULT_GOAL := help
.PHONY: help setup demo up down format check test coverage fast versions kills faults integration on_the_double beside_slipway e2e soak mutate clients bench lock sbom audit reference

help: ## what you can make
	@sed -n 's/^\([a-z0-9]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

setup: $(READY) ## .venv with everything in it, from the lock file

demo: $(READY) ## the year of flights on a real Airflow; ONCE=1 ends with the story
	@$(BIN)/slipway demo $(if $(ONCE),--once)

up: $(READY) ## a local Airflow, MLflow and model server with your specs, until Ctrl-C
	@$(BIN)/slipway up

down: $(READY) ## end `make up`, and whatever it or the demo left running
	@$(BIN)/slipway down

format: $(READY) ## mend what can be mended by a tool
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

check: $(READY) ## linters, types, import contracts and specs
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/slipway check

test: $(READY) ## unit, contract, DAG and serving tests, and the ring on a real Airflow; under 10 minutes
	$(BIN)/pytest $(PARALLEL) $(TESTS)

coverage: $(READY) ## the branches that `make test` takes, which costs it a third more time
	$(BIN)/pytest $(PARALLEL) $(TESTS) --cov

fast: $(READY) ## tests that need no service and take minutes; PYTHON=python3.12 VENV=.venv-3.12 for another interpreter
	$(BIN)/pytest $(PARALLEL) $(FAST)

versions: ## the fast tests on each other interpreter of 3.11, 3.12 and 3.13 that is here, in .venv-<version>
	@for version in $(others); do \
		$(MAKE) fast PYTHON=python$$version VENV=.venv-$$version || exit 1; done

kills: $(READY) ## kills and outages of servers, logs, searches and backtests on this machine
	$(BIN)/pytest $(PARALLEL) $(addprefix tests/,$(KILLS))

faults: $(READY) ## kills and outages of Airflow's parts and of a cluster's double, and the double's own tests
	$(BIN)/pytest $(PARALLEL) $(addprefix tests/,$(FAULTS))

# On the double both parts run at once: each waits for others most of the time.
ifeq ($(strip $(GROUND)),)
integration: $(READY) $(CLIENTS) ## one suite on a double, or on your cluster: KUBECONFIG=… IMAGE=… [GATEWAY=…] [KEEP=1]
	@echo "two parts run at once, for some minutes; each is shown when it ends"
	@$(MAKE) --no-print-directory --jobs 2 --output-sync=target on_the_double beside_slipway
else
integration: $(READY)
	$(BIN)/pytest tests/integration $(GROUND)
endif

on_the_double: $(READY)
	$(BIN)/pytest tests/integration

beside_slipway: $(READY) $(CLIENTS)
	$(BIN)/pytest $(PARALLEL) $(addprefix tests/,$(BESIDE)) --no-loadscope-reorder

e2e: $(READY) ## the end-to-end tests alone
	$(BIN)/pytest $(PARALLEL) tests/e2e

soak: $(READY) $(CLIENTS) ## the long tests: faults of serving and rollouts in a loop, 100,000 fuzzed requests
	$(BIN)/pytest tests/soak --capture=no --timeout 3000

bench: $(READY) ## every benchmark; ARGS=--quick for a short look
	@for file in $(filter-out %/harness.py,$(wildcard benchmarks/*.py)); do \
		$(BIN)/python $$file $(ARGS) || exit 1; done

mutate: $(READY) ## change a seeded sample of the decision code and count what no test notices; ARGS=--seed 2
	$(UV) tool run --quiet --from cosmic-ray==8.7.0 python tests/mutation/mutate.py $(ARGS)

clients: $(CLIENTS) ## .venv-clients with public clients that tests ask the server with

lock: $(READY) ## renew the lock files from pyproject.toml
	$(BIN)/python requirements/lock.py $(ARGS)
	$(BIN)/python requirements/sbom.py

sbom: $(READY) ## write requirements/sbom from the lock files, as `make lock` does
	$(BIN)/python requirements/sbom.py

audit: $(READY) ## look the locked packages up among known vulnerabilities; needs the network
	@failed=0; for lock in airflow mlflow server shipper stages; do \
		echo "requirements/$$lock.txt"; \
		$(AUDIT) --requirement requirements/$$lock.txt $(ARGS) || failed=1; \
	done; exit $$failed

reference: $(READY) ## write docs/reference from the code
	$(BIN)/slipway reference

$(READY): requirements/dev.txt pyproject.toml
	$(if $(INTERPRETER),,$(error $(or $(PYTHON),PATH) has no CPython of $(VERSIONS) with the venv module; \
		hint: make PYTHON=/path/to/python3.11))
	$(lastword $(INTERPRETER)) -m venv $(if $(wildcard $@),,$(if $(wildcard $(VENV)/pyvenv.cfg),--clear)) $(VENV)
	@sed -n '/^uv==/,/# via/p' requirements/dev.txt > $(VENV)/uv.txt
	$(BIN)/python -m pip install -qq --require-hashes -r $(VENV)/uv.txt
	$(UV) pip sync --quiet --python $(BIN)/python --require-hashes requirements/dev.txt
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

$(CLIENTS): requirements/clients.txt | $(READY)
	$(UV) venv --quiet --clear --python $(BIN)/python .venv-clients
	$(UV) pip sync --quiet --python .venv-clients/bin/python --require-hashes requirements/clients.txt
	@touch $@
