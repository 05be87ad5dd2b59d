# Every target needs only Python 3.11 or newer and make, and is fast after the first time. The browser
# tests, and so `make test`, also need Chromium and npm.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := -m pip --disable-pip-version-check --quiet
# Install only what a lock file names: no dependency resolution and no source builds, since both would
# use the newest version of something.
LOCKED := $(PIP) install --no-deps --require-hashes --only-binary :all:
LOCK   := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-annotate \
          --python-version 3.11 $(if $(UPGRADE),--upgrade)
NPM_LOCK := npm install --package-lock-only --ignore-scripts --no-audit --no-fund --loglevel=error

SERVE_READY := $(VENV)/.ready-to-serve
CHECK_READY := $(VENV)/.ready-to-check
AXE_READY   := tests/e2e/node_modules/.ready
CLIENT_TOOL := $(VENV)/clients
CLIENTS_READY := $(CLIENT_TOOL)/.ready tests/clients/node_modules/.ready

.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help demo run test format-check lint types imports dockerfile compose unit quick e2e screenshots fmt proofs mutants bench lock clean

say = @printf '\n\033[1m== %s\033[0m\n' '$(1)'

help: ## list all targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# For example: make demo ARGS="--port 8001 --sandbox-port 9001"
demo: $(SERVE_READY) ## run the service, a local sandbox and a small shop; prints the URL to open
	@exec $(BIN)/altan-checkout demo $(ARGS)

run: $(SERVE_READY) ## run only the service, with the settings in .env
	@test -f .env || { echo 'make run: there is no .env; copy .env.example to .env and fill it in.'; exit 2; }
	@exec $(BIN)/altan-checkout serve $(ARGS)

# pytest comes last, so that its closing line is the run's.
test: format-check lint types imports dockerfile compose unit ## everything that CI runs

format-check: $(CHECK_READY) ## ruff: check the formatting
	$(call say,format: ruff format --check)
	@$(BIN)/ruff format --check .

lint: $(CHECK_READY) ## ruff: check the rules
	$(call say,lint: ruff check)
	@$(BIN)/ruff check .

types: $(CHECK_READY) ## mypy, strict
	$(call say,types: mypy)
	@$(BIN)/mypy

imports: $(CHECK_READY) ## import-linter: check the layers
	$(call say,imports: lint-imports)
	@$(BIN)/lint-imports

dockerfile: $(CHECK_READY) ## hadolint
	$(call say,Dockerfile: hadolint)
	@$(BIN)/hadolint Dockerfile

compose: $(CHECK_READY) ## check docker-compose.yml against the published schema
	$(call say,docker-compose.yml: compose schema)
	@$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml

# Tests often wait for processes to start, so there are more jobs than cores on a small machine.
TEST_JOBS ?= 3

# Hundreds of tests start the service, so it is compiled once, also where PYTHONDONTWRITEBYTECODE is set.
# The second report is printed only if it fails.
unit: $(CHECK_READY) $(AXE_READY) $(CLIENTS_READY) ## pytest, with branch coverage: 95 % overall, 100 % for domain and use cases
	$(call say,tests: pytest with branch coverage: 95 % overall; 100 % for domain and use cases)
	@$(BIN)/python -m compileall -q app sandbox
	@$(BIN)/python -m pytest -m 'not e2e_long' -n $(TEST_JOBS) --dist worksteal \
	    --cov --cov-report=term --cov-fail-under=95
	@$(BIN)/coverage report --fail-under=100 --include='app/domain/*,app/usecases/*' > $(VENV)/coverage.txt \
	    || { echo 'domain and use cases are not fully covered:'; cat $(VENV)/coverage.txt; exit 1; }

# For the time between two edits: no PostgreSQL, no processes, few examples of each property. Two runs
# side by side need two thirds of the CPU time of one that shares its tests between two processes.
QUICK := $(BIN)/python -m pytest -q -p no:schemathesis -p no:cov --hypothesis-profile=quick -m 'not thorough' -k 'not postgres'

quick: $(CHECK_READY) ## the tests of the domain and the use cases, on SQLite; about 15 s
	@$(QUICK) tests/domain >$(VENV)/quick.txt 2>&1 & other=$$!; \
	    $(QUICK) tests/usecases; usecases=$$?; \
	    wait $$other; domain=$$?; cat $(VENV)/quick.txt; exit $$((domain + usecases))

e2e: $(CHECK_READY) $(AXE_READY) ## all browser tests: every page, screen, color and language; prints how long a buyer waits
	@$(BIN)/python -m pytest tests/e2e

screenshots: $(CHECK_READY) ## take the documentation's pictures again, in docs/screenshots
	@$(BIN)/python -m tests.support.browser.screenshots

fmt: $(CHECK_READY) ## ruff: format, and fix what can be fixed
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

proofs: $(CHECK_READY) ## the long tests of payments: 50 kills, 10,000 histories, full disks, replicas; an hour
	$(call say,proofs: kills; disorder; full disks; histories)
	@PROOF_KILLS=50 PROOF_SHUFFLES=30 PROOF_EXAMPLES=10000 PROOF_FILLINGS=10 PROOF_ROUNDS=12 \
	    $(BIN)/python -m pytest tests/durability tests/cluster

# Cosmic Ray changes the sources that it runs, so it gets a copy of them and a separate venv.
MUTANTS_TOOL  := $(VENV)/mutants
MUTANTS_READY := $(MUTANTS_TOOL)/.ready
MUTANTS       := build/mutants

mutants: $(CHECK_READY) $(MUTANTS_READY) ## mutation tests of the domain; more than an hour
	$(call say,mutants: Cosmic Ray on a copy in $(MUTANTS))
	@rm -rf $(MUTANTS) && mkdir -p $(MUTANTS)/original && cp -Rp app sandbox tests pyproject.toml $(MUTANTS) \
	    && cp -R app/domain $(MUTANTS)/original
	@cd $(MUTANTS) && export PATH="$(abspath $(BIN)):$$PATH" && tool="$(abspath $(MUTANTS_TOOL))/bin" \
	    && "$$tool/cosmic-ray" init tests/mutants.toml session.sqlite \
	    && "$$tool/cr-filter-operators" session.sqlite tests/mutants.toml \
	    && python -m tests.mutants skip session.sqlite \
	    && "$$tool/cosmic-ray" baseline tests/mutants.toml \
	    && "$$tool/cosmic-ray" exec tests/mutants.toml session.sqlite \
	    && "$$tool/cr-report" --surviving-only --show-diff session.sqlite \
	    && python -m tests.mutants report session.sqlite

# One of its packages is published only as source. Its build tools are locked, too, and installed first.
$(MUTANTS_READY): tests/mutants.lock tests/mutants-build.lock | $(BIN)/python
	@$(PYTHON) -m venv --clear $(MUTANTS_TOOL)
	@$(MUTANTS_TOOL)/bin/python $(LOCKED) -r tests/mutants-build.lock
	@$(MUTANTS_TOOL)/bin/python $(LOCKED) --no-binary yattag --no-build-isolation -r tests/mutants.lock
	@$(MUTANTS_TOOL)/bin/python $(PIP) check
	@touch $@

bench: $(CHECK_READY) ## measure the service on this machine
	@$(BIN)/python -m bench

# deploy/build.lock is what installs the project itself; an editable install needs `editables`.
lock: $(CHECK_READY) ## write the lock files; UPGRADE=1 for newer versions
	$(LOCK) pyproject.toml -o requirements.lock
	$(LOCK) --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock
	$(BIN)/python -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['build-system']['requires'], 'editables', sep='\n')" \
	    | $(LOCK) -c requirements-dev.lock - -o deploy/build.lock
	echo cosmic-ray | $(LOCK) - -o tests/mutants.lock
	echo setuptools | $(LOCK) - -o tests/mutants-build.lock
	$(LOCK) bench/peers/djstripe/requirements.in -o bench/peers/djstripe/requirements.lock
	echo openapi-python-client | $(LOCK) - -o tests/clients/generator.lock
	cd tests/e2e && $(NPM_LOCK)
	cd tests/clients && $(NPM_LOCK)
	cd bench/peers/node && $(NPM_LOCK)

clean: ## remove the virtual environment and the tools' files
	rm -rf $(VENV) build tests/e2e/node_modules tests/clients/node_modules .coverage .coverage.* .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	    || { echo 'Python 3.11 or newer is needed, but "$(PYTHON)" is older. Use another one: make PYTHON=python3.13 ...'; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
	    || { echo '"$(PYTHON)" cannot create virtual environments. On Debian and Ubuntu: apt install python3-venv'; exit 1; }
	@echo 'creating $(VENV)'
	@$(PYTHON) -m venv --clear $(VENV)

# Installs what the lock names; then the project itself, in editable mode.
$(SERVE_READY): requirements.lock deploy/build.lock pyproject.toml | $(BIN)/python
	@echo 'installing what the service needs (a minute, the first time)'
	@$(BIN)/python $(LOCKED) -r requirements.lock -r deploy/build.lock
	@$(BIN)/python $(PIP) install --no-deps --no-build-isolation --editable .
	@$(BIN)/python $(PIP) check
	@touch $@

$(CHECK_READY): requirements-dev.lock $(SERVE_READY)
	@echo 'installing what the checks need (a minute, the first time)'
	@$(BIN)/python $(LOCKED) -r requirements-dev.lock
	@$(BIN)/python $(PIP) check
	@touch $@

# axe-core, which checks the pages' accessibility: only for the tests, at the locked version.
$(AXE_READY): tests/e2e/package-lock.json tests/e2e/package.json tests/e2e/.npmrc
	@command -v npm >/dev/null \
	    || { echo 'The browser tests need npm, which is not installed. On Debian and Ubuntu: apt install npm'; exit 1; }
	@echo 'installing what the browser tests need'
	@cd tests/e2e && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

# The client generators. Python's needs other versions than ours, so it gets a separate venv.
$(CLIENT_TOOL)/.ready: tests/clients/generator.lock | $(BIN)/python
	@$(PYTHON) -m venv --clear $(CLIENT_TOOL)
	@$(CLIENT_TOOL)/bin/python $(LOCKED) -r tests/clients/generator.lock
	@$(CLIENT_TOOL)/bin/python $(PIP) check
	@touch $@

tests/clients/node_modules/.ready: tests/clients/package-lock.json tests/clients/package.json tests/clients/.npmrc
	@command -v npm >/dev/null \
	    || { echo "The tests of generated clients need npm, which is not installed. On Debian and Ubuntu: apt install npm"; exit 1; }
	@cd tests/clients && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@
