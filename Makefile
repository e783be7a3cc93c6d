# The five things one does with Yurt. `make run` and `make test` need nothing done before.
#   make run            set up, start the platform, play the story, leave the portal up until Ctrl-C (ONCE=1: exit after)
#   make test           set up, then lint, types, layering, documents in sync and every test
#   make setup          only set up: leaves the command at .venv/bin/yurt
#   make bench          side-by-side benchmarks
#   make lock docs      renew the lock files; regenerate the generated pages

PYTHON ?= python3
BIN := .venv/bin
UV := $(BIN)/uv
SANDBOX_PACKAGES := bwrap=bubblewrap libseccomp2 unshare=util-linux ip=iproute2
TEST_PACKAGES := chromium fonts-noto-cjk postgresql-15 java=openjdk-17-jre-headless

.PHONY: run test setup setup-test check docs bench lock clean

run: setup
	@$(BIN)/yurt demo $(if $(ONCE),--once)

# The platform as a whole comes last and alone: it counts what it leaves behind on the machine.
test: setup-test check
	@$(BIN)/pytest -n 2 --dist loadfile -m "not e2e"
	@$(BIN)/pytest -m e2e

setup: .venv/.installed node_modules/.installed
	@$(BIN)/python -m sandbox.environment
	@$(BIN)/python -m mpc.environment

setup-test: setup .venv/.installed-dev .spark/.installed
	@sh setup/debian-packages.sh $(TEST_PACKAGES)

$(UV): requirements/uv.txt
	@sh setup/prerequisites.sh
	@sh setup/debian-packages.sh $(SANDBOX_PACKAGES)
	@echo "setup: Python environment"
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@touch $@

.venv/.installed: $(UV) requirements/main.txt pyproject.toml
	@$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements/main.txt
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps -e .
	@touch $@

.venv/.installed-dev: .venv/.installed requirements/dev.txt
	@$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements/dev.txt
	@touch $@

# The server that the conformance tests of the engines start.
.spark/.installed: requirements/spark.txt $(UV)
	@sh setup/spark-server.sh $(BIN)/pip requirements/spark.txt .spark
	@touch $@

node_modules/.installed: package-lock.json
	@echo "setup: hub proxy and page assets"
	@npm ci --silent --no-audit --no-fund
	@touch $@

check:
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check --quiet
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m docs.generate --check

docs:
	@$(BIN)/python -m docs.generate

bench: setup-test
	@$(BIN)/python -m bench

LOCK := $(UV) pip compile --quiet --generate-hashes --no-header --no-annotate --python-version 3.11 --python-platform x86_64-manylinux_2_28
lock: $(UV)
	@for name in uv main sandbox spu spark dev; do $(LOCK) --upgrade requirements/$$name.in -o requirements/$$name.txt; done
	@npm install --package-lock-only --silent

clean:
	@rm -rf .venv .spu .spark node_modules build *.egg-info
