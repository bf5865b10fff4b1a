# Everything starts here: `make` alone says what there is.

PYTHON ?= python3
VENV := .venv
TOOLS := .tools
CLIENTS := .clients
CHECKOV := .checkov
BIN := $(VENV)/bin
MAKEFLAGS += --jobs=2 # environments are made, and tests run, two at a time

.PHONY: help
help: ## Show this help
	@echo "edgetally: CloudFront access logs into an exact, always-current traffic summary"
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(VENV)/ready $(TOOLS)/ready ## Deploy to an embedded AWS, feed it logs, show the summary (KEEP=1 stays up)
	@$(BIN)/python -m demo $(if $(KEEP),--keep)

.PHONY: local local-test
local: $(VENV)/ready $(TOOLS)/ready ## Start what the functions need for `sam local invoke`, until Ctrl-C (Docker)
	@$(BIN)/python -m local
local-test: $(VENV)/ready $(TOOLS)/ready ## Run every event of events/ in Docker, compare the responses
	@$(BIN)/python -m local test

PYTEST := $(BIN)/python -m pytest -p no:cacheprovider
BOTH := --numprocesses=2 --dist=worksteal

.PHONY: quick
quick: $(VENV)/ready ## Run the tests that take no time: the inner loop, below a minute
	$(PYTEST) -q $(BOTH) --hypothesis-profile=quick -m "not slow" tests/unit tests/contract

# The deployed stack mostly waits: its tests run beside all the others.
.PHONY: test test-deployed test-others
test: test-others test-deployed ## Run every test (DynamoDB Local needs Node.js and Java 17)
test-others: $(VENV)/ready $(TOOLS)/ready $(CLIENTS)/ready
	$(PYTEST) $(BOTH) --ignore=tests/deployed
test-deployed: $(VENV)/ready $(TOOLS)/ready $(CLIENTS)/ready
	$(PYTEST) tests/deployed

.PHONY: check
check: $(VENV)/ready $(TOOLS)/ready $(CHECKOV)/ready ## Run the linters, the type checker and the template checks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(TOOLS)/bin/cfn-lint template.yaml template-realtime.yaml
	$(TOOLS)/bin/cfn-lint --regions us-east-1 -- docs/attach/delivery.yaml
	$(TOOLS)/bin/sam validate --lint
	@LOG_LEVEL=CRITICAL $(CHECKOV)/bin/checkov --framework cloudformation --compact --quiet \
		--skip-download -f template.yaml template-realtime.yaml docs/attach/delivery.yaml

.PHONY: format
format: $(VENV)/ready ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: bench
bench: $(VENV)/ready ## Measure speed, memory and sizes beside others (GoAccess too, where it is installed)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements/bench.txt
	$(BIN)/python -m benchmarks
	$(BIN)/python -m benchmarks.formats
	$(BIN)/python -m benchmarks.answers
	$(BIN)/python -m benchmarks.page
	$(BIN)/python -m benchmarks.cold

CHAOS ?= --runs 1
.PHONY: chaos
chaos: $(VENV)/ready ## Kill ingest processes while they count (CHAOS="--runs 5 --seed 1"), compare with a plain count
	$(BIN)/python -m tests.faults $(CHAOS)

FUZZ_SECONDS ?= 300
.PHONY: fuzz
fuzz: $(VENV)/ready ## Fuzz the parser for FUZZ_SECONDS (300); what breaks goes to tests/fuzz/found
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements/fuzz.txt
	@corpus=$$(mktemp -d) && trap 'rm -rf "$$corpus"' EXIT && \
		$(BIN)/python -m tests.fuzz.atheris_run $(FUZZ_SECONDS) "$$corpus"

SANITIZE_SECONDS ?= 600
.PHONY: sanitize
sanitize: $(VENV)/ready ## Feed the kernel damaged lines under ASan and UBSan for SANITIZE_SECONDS (600)
	sh tests/fuzz/sanitize.sh $(BIN)/python $(SANITIZE_SECONDS)

.PHONY: mutate
mutate: $(VENV)/ready ## Break the merging code in every small way, and see that a test notices
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements/mutate.txt
	rm -rf mutants
	$(BIN)/mutmut run --max-children 2
	$(BIN)/mutmut results

.PHONY: holes
holes: $(VENV)/ready ## Put old faults back (HOLES="WORDS"), see that the state machine and the tests find them
	$(BIN)/python -m tests.mutation --holes "$(HOLES)"
	$(BIN)/python -m tests.mutation --slips "$(HOLES)"

MUTANTS ?= --each 6 --seed 1
.PHONY: mutants
mutants: $(VENV)/ready ## Break a sample of all rooms (MUTANTS="--each 6 --seed 1"), see that a test notices
	$(BIN)/python -m tests.mutation $(MUTANTS)

.PHONY: build
build: $(VENV)/ready $(TOOLS)/ready ## Build the functions and print their unzipped sizes
	$(TOOLS)/bin/sam build
	@for function in .aws-sam/build/*Function; do du -sm "$$function" | awk '{printf "%5d MB  %s\n", $$1, $$2}'; done

.PHONY: lock
lock: $(VENV)/ready ## Pin all packages again from pyproject.toml and requirements/*.in
	$(LOCK) pyproject.toml --extra dev -o requirements/dev.txt
	$(LOCK) requirements/ingest.in -c requirements/dev.txt -o requirements/ingest.txt
	$(LOCK) requirements/summaries.in -c requirements/dev.txt -o requirements/summaries.txt
	$(LOCK) requirements/audit.in -c requirements/dev.txt -o requirements/audit.txt
	$(LOCK) requirements/authorizer.in -c requirements/dev.txt -o requirements/authorizer.txt
	$(LOCK) requirements/tools.in -o requirements/tools.txt
	$(LOCK) requirements/clients.in -o requirements/clients.txt
	$(LOCK) requirements/checkov.in -o requirements/checkov.txt
	$(LOCK) requirements/bench.in -o requirements/bench.txt
	$(LOCK) requirements/fuzz.in -o requirements/fuzz.txt
	$(LOCK) requirements/mutate.in -c requirements/dev.txt -o requirements/mutate.txt
	$(LOCK) requirements/stand-in.in -o requirements/stand-in.txt
	$(LOCK) requirements/zig.in -o requirements/zig.txt

LOCK = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate --generate-hashes

.PHONY: clean
clean: ## Remove everything that was installed or built
	rm -rf $(VENV) $(TOOLS) $(CLIENTS) $(CHECKOV) .zig $(KERNEL) .aws-sam node_modules mutants *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

KERNEL := pipeline/tally/native/libkernel.so
$(KERNEL): pipeline/tally/native/kernel.c requirements/kernel.sh
	@sh requirements/kernel.sh $@

# Where there is no C compiler there is no kernel, which is no reason to make the environment again.
$(VENV)/ready: requirements/dev.txt requirements/environment.sh pyproject.toml | $(KERNEL)
	@sh requirements/environment.sh $(PYTHON) $(VENV) requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(TOOLS)/ready: requirements/tools.txt requirements/environment.sh
	@sh requirements/environment.sh $(PYTHON) $(TOOLS) requirements/tools.txt
	@touch $@

$(CHECKOV)/ready: requirements/checkov.txt requirements/environment.sh
	@sh requirements/environment.sh $(PYTHON) $(CHECKOV) requirements/checkov.txt
	@touch $@

$(CLIENTS)/ready: requirements/clients.txt requirements/environment.sh
	@sh requirements/environment.sh $(PYTHON) $(CLIENTS) requirements/clients.txt
	@touch $@

# What `sam build` calls, with ARTIFACTS_DIR set (BuildMethod: makefile in template.yaml).
.PHONY: build-IngestFunction build-SummariesFunction build-AuthorizerFunction build-AuditFunction
build-IngestFunction:
	@sh requirements/package.sh requirements/ingest.txt "$(ARTIFACTS_DIR)"
build-SummariesFunction:
	@sh requirements/package.sh requirements/summaries.txt "$(ARTIFACTS_DIR)"
build-AuditFunction:
	@sh requirements/package.sh requirements/audit.txt "$(ARTIFACTS_DIR)"
build-AuthorizerFunction:
	@sh requirements/package.sh requirements/authorizer.txt "$(ARTIFACTS_DIR)"
