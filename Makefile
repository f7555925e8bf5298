# make            what there is
# Everything runs in a virtual environment, .venv, made on first use from the pins in requirements/ (hash-checked).

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
RUN    := $(BIN)/python -m

# Tests to leave out, and anything else for pytest: make test PYTEST='-k history -x'
MARK     ?= not compose and not soak and not attack and not fuzz
PYTEST   ?=
# Test files at a time (three on two cores: a third of their time is waiting); 0: one after the other.
JOBS     ?= 3
# Branch coverage is measured during `make test` and judged by `make check`. COVERAGE= (empty) runs the tests bare.
COVERAGE     ?= yes
COVERAGE_MIN ?= 95

.PHONY: help run client test attack attack-again fuzz check lint types layers pins coverage bench audit sbom audit-tools clean
.DEFAULT_GOAL := help

help:
	@echo 'make run      start the server and two bots on this machine; says how to join; Ctrl-C ends it'
	@echo 'make client   join it:  make client  or  make client NAME=grace ADDRESS=chat.example:6697 CA=ca.pem'
	@echo "              by an invitation:  make client ADDRESS='ircs://...'"
	@echo '              with an account:  make client NAME=grace ACCOUNT=grace  (asks for its password)'
	@echo 'make test     the tests, with coverage (no Docker needed)'
	@echo 'make attack   the attacks and faults of docs/attacks.md, and their table'
	@echo 'make fuzz     some seconds of each fuzz target (Python 3.11)'
	@echo 'make check    format, lint, types, layers, pins, coverage'
	@echo 'make bench    the measurements'
	@echo 'make audit    TLS, certificates, Dockerfile and dependencies, as the tools of others see them; make audit STEPS=tls for one'
	@echo 'make sbom     what is in the images: reports/sbom-*.cdx.json (CycloneDX)'
	@echo 'make clean    remove environments and caches; certificates and messages in var/ stay'

# Compiling our modules anew takes longer than a server's start does without: where the environment forbids keeping what was compiled,
# the tests, which start hundreds, do so all the same.
test attack attack-again fuzz bench: export PYTHONDONTWRITEBYTECODE =

# ---- environments ---------------------------------------------------------------------------------------------------

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo 'Parley needs Python 3.11 or later; name one: make PYTHON=python3.13 ...' >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
		{ echo 'No virtual environment could be made; on Debian and Ubuntu: apt install python3-venv' >&2; rm -rf $(VENV); exit 1; }

$(VENV)/.run: requirements/run.txt requirements/client.txt requirements/keyring.txt | $(BIN)/python
	@echo 'Installing what the server and the client need ...'
	@$(RUN) pip install --quiet --disable-pip-version-check --require-hashes $(foreach pins,$^,-r $(pins))
	@touch $@

$(VENV)/.dev: requirements/dev.txt | $(BIN)/python
	@echo 'Installing the development tools ...'
	@$(RUN) pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@ $(VENV)/.run

# ---- using it -------------------------------------------------------------------------------------------------------

NAME    ?=
ACCOUNT ?=
ADDRESS ?= localhost:6697
CA      ?= var/certs/ca.pem
# An invitation says itself whom to trust.
TRUST   := $(if $(findstring ://,$(ADDRESS)),,$(CA))

run: $(VENV)/.run
	@PATH="$(abspath $(BIN)):$$PATH" && export PATH && exec deploy/run.sh

client: $(VENV)/.run
	@$(RUN) client '$(subst ','\'',$(ADDRESS))' $(if $(TRUST),--ca '$(subst ','\'',$(TRUST))') $(if $(NAME),--name '$(subst ','\'',$(NAME))') \
		$(if $(ACCOUNT),--account '$(subst ','\'',$(ACCOUNT))')

# ---- working on it --------------------------------------------------------------------------------------------------

test: $(VENV)/.dev
ifneq ($(COVERAGE),)
	@$(RUN) coverage erase
	COVERAGE_PROCESS_START=$(CURDIR)/pyproject.toml $(RUN) coverage run -m pytest -n $(JOBS) --dist loadfile -m '$(MARK)' $(PYTEST); \
		status=$$?; $(RUN) coverage combine --quiet; exit $$status
else
	$(RUN) pytest -n $(JOBS) --dist loadfile -m '$(MARK)' $(PYTEST)
endif

# Serially: people who only chat are measured beside each attack.
ATTACKS ?= attack-results.jsonl
attack: $(VENV)/.dev
	@rm -f $(ATTACKS)
	@$(RUN) pytest -q -m attack tests/attack --attack-results $(ATTACKS) $(PYTEST); \
		status=$$?; $(RUN) tests.attack $(ATTACKS) && exit $$status

# Five seconds of Atheris for each target. It has files for Python 3.11 only, so it stands in a folder of its own.
FUZZ_SECONDS ?= 5
FUZZ_JOBS    ?= 2
fuzz: .venv-fuzz/.tools $(VENV)/.dev
	PYTHONPATH=.venv-fuzz PARLEY_FUZZ_SECONDS=$(FUZZ_SECONDS) $(RUN) pytest -q -p no:cacheprovider -n $(FUZZ_JOBS) -m fuzz tests/fuzz $(PYTEST)

.venv-fuzz/.tools: requirements/fuzz.txt $(VENV)/.dev
	@echo 'Installing the fuzzer ...'
	@$(RUN) pip install --quiet --disable-pip-version-check --no-deps --require-hashes --target .venv-fuzz --upgrade -r $<
	@touch $@

# What failed, once more: where others use the machine, a measured time says little the first time.
attack-again: $(VENV)/.dev
	$(RUN) pytest -q -m attack tests/attack --last-failed --last-failed-no-failures none

check: lint types layers pins coverage

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV)/.dev
	$(BIN)/mypy

layers: $(VENV)/.dev
	$(BIN)/lint-imports

pins: $(VENV)/.dev
	$(BIN)/python .ci/pin --check

coverage: .coverage
	$(RUN) coverage report --fail-under=$(COVERAGE_MIN)

.coverage:
	@$(MAKE) test COVERAGE=yes

bench: $(VENV)/.dev
	$(RUN) bench $(BENCH)

# ---- what others' tools say of it -------------------------------------------------------------------------------------

# Which of: tls certificates image sbom (empty: all). ACCEPT=yes makes what sslyze sees now the baseline in audit/baseline.
STEPS  ?=
ACCEPT ?=

audit: $(VENV)/.run audit-tools
	@$(RUN) audit $(STEPS) $(if $(ACCEPT),--accept)

sbom: $(VENV)/.run .venv-audit/.tools
	@$(RUN) audit sbom

# Both at once: pip's time is mostly one core's.
audit-tools:
	@$(MAKE) --no-print-directory -j 2 .venv-audit/.tools .venv-audit-image/.tools

# The pins name everything that is needed, with its hash, so there is nothing to resolve.
.venv-audit/.tools .venv-audit-image/.tools: .venv-%/.tools: requirements/%.txt | $(BIN)/python
	@echo 'Installing the tools of $< ...'
	@$(PYTHON) -m venv .venv-$*
	@.venv-$*/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-compile --require-hashes -r $<
	@touch $@

clean:
	rm -rf .venv .venv-* .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage .coverage.* htmlcov dist build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
