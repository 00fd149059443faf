# Every target sets itself up: all it needs is CPython 3.11, make and git.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
READY := .venv/.ready
CLIENTS := .venv-clients/.ready
# As pip does, uv shall trust what the machine trusts.
UV := $(BIN)/uv $(if $(wildcard /etc/ssl/certs/ca-certificates.crt),--system-certs)
# Strict: a package that could not be looked up is not one without vulnerabilities.
AUDIT = $(UV) tool run --quiet --from pip-audit==2.10.1 \
	pip-audit --strict --disable-pip --require-hashes --progress-spinner off

# The tests of one file may depend on one another, and share what they start.
PARALLEL = -n 2 --dist loadfile
FAULTS = double rollouts dags/test_pods_in_trouble.py e2e/test_trouble.py

# Only what is typed after `make`: whoever has exported KUBECONFIG did not mean this.
typed = $(if $(findstring command line,$(origin $1)),$2)
GROUND = $(call typed,KUBECONFIG,--verbose --kubeconfig "$(KUBECONFIG)") \
	$(call typed,IMAGE,--image "$(IMAGE)") $(call typed,GATEWAY,--gateway "$(GATEWAY)") \
	$(call typed,KEEP,--keep)

.DEFAULT_GOAL := help
.PHONY: help setup demo down format check test faults integration e2e soak clients bench lock sbom audit reference

help: ## what you can make
	@sed -n 's/^\([a-z0-9]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

setup: $(READY) ## .venv with everything in it, from the lock file

demo: $(READY) ## the year of flights on a real Airflow; ONCE=1 ends with the story
	@$(BIN)/slipway demo $(if $(ONCE),--once)

down: $(READY) ## stop whatever the demo left running
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

test: $(READY) $(CLIENTS) ## unit, contract, DAG, serving and end-to-end tests; under a quarter of an hour
	$(BIN)/pytest $(PARALLEL) $(addprefix --ignore tests/,e2e soak integration $(FAULTS)) --cov --cov-report= --cov-fail-under 0
	$(BIN)/pytest $(PARALLEL) tests/e2e --ignore tests/e2e/test_trouble.py --cov --cov-append --cov-report= --cov-fail-under 0
	$(BIN)/coverage report

faults: $(READY) ## kills and outages of Airflow's parts and of a cluster's double, and the double's own tests
	$(BIN)/pytest $(PARALLEL) $(addprefix tests/,$(FAULTS))

integration: $(READY) ## one suite on a double, or on your cluster: KUBECONFIG=… IMAGE=… [GATEWAY=…] [KEEP=1]
	$(BIN)/pytest tests/integration $(GROUND)

e2e: $(READY) ## the end-to-end tests alone
	$(BIN)/pytest $(PARALLEL) tests/e2e

soak: $(READY) $(CLIENTS) ## the long tests: faults of serving and rollouts in a loop, 100,000 fuzzed requests
	$(BIN)/pytest tests/soak --capture=no --timeout 3000

bench: $(READY) ## every benchmark; ARGS=--quick for a short look
	@for file in $(filter-out %/harness.py,$(wildcard benchmarks/*.py)); do \
		$(BIN)/python $$file $(ARGS) || exit 1; done

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
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11) and "Slipway needs CPython 3.11; say where it is: make PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv .venv
	@sed -n '/^uv==/,/# via/p' requirements/dev.txt > .venv/uv.txt
	$(BIN)/python -m pip install -qq --require-hashes -r .venv/uv.txt
	$(UV) pip sync --quiet --python $(BIN)/python --require-hashes requirements/dev.txt
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

$(CLIENTS): requirements/clients.txt | $(READY)
	$(UV) venv --quiet --clear --python $(BIN)/python .venv-clients
	$(UV) pip sync --quiet --python .venv-clients/bin/python --require-hashes requirements/clients.txt
	@touch $@
