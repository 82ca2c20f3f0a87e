# Every command of the project. `make demo` and `make test` do all the set-up they need.

DATA ?= .zava
PORT ?= 8091
ARGS ?=
SHELL := /bin/sh

VENV := .venv
BIN := $(VENV)/bin
DEMO := $(VENV)/.installed
TOOLS := $(VENV)/.tools
# The newest Python from 3.11 that is here and has its venv module.
FIND_PYTHON := for p in python3.14 python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && exit; done
NEED_PYTHON := Python 3.11 or newer with its venv module is needed; on Debian and Ubuntu: apt-get install python3 python3-venv

# What the tests against PostgreSQL 15 and PgBouncer need beside Python.
SYSTEM_PACKAGES := postgresql-15 pgbouncer
SYSTEM_PROGRAMS := /usr/lib/postgresql/15/bin/postgres /usr/sbin/pgbouncer

# Where the distribution has another PostgreSQL than 15, its postgresql-common knows the repository
# of the PostgreSQL project. The package would make and start a server; the tests start their own.
define INSTALL_AS_ROOT
set -eu
export DEBIAN_FRONTEND=noninteractive
no_server=/etc/postgresql-common/createcluster.d/mcpdb-tests.conf
apt-get update -qq
if ! apt-cache show postgresql-15; then
	apt-get install -qq postgresql-common ca-certificates
	/usr/share/postgresql-common/pgdg/apt.postgresql.org.sh -y
fi
trap 'rm -f $$no_server' EXIT
mkdir -p $$(dirname $$no_server)
echo 'create_main_cluster = false' >$$no_server
apt-get install -qq -o DPkg::Lock::Timeout=60 --no-install-recommends $(SYSTEM_PACKAGES)
endef
export INSTALL_AS_ROOT

.PHONY: demo test system-packages install check format docs bench soak conformance clean

## The Zava example on an embedded PostgreSQL: a tour, then a server. ARGS=--tour-only ends after the tour.
demo: $(DEMO)
	@$(BIN)/zava tour --data $(DATA) --port $(PORT) $(ARGS)

## The whole test suite, with branch coverage. ARGS is passed to pytest.
test: $(TOOLS)
	@rm -f .coverage .coverage.*
	@$(BIN)/coverage run -m pytest -n 2 $(ARGS)
	@$(BIN)/coverage combine -q
	@$(BIN)/coverage report --fail-under=90

## PostgreSQL 15 and PgBouncer, on Debian and Ubuntu; without them their tests are skipped.
system-packages:
	@missing=; for p in $(SYSTEM_PROGRAMS); do [ -x $$p ] || missing=$$p; done; \
	if [ -z "$$missing" ]; then exit; fi; \
	if [ "$$(id -u)" = 0 ]; then sudo=; elif sudo -n true 2>/dev/null; then sudo='sudo -n'; \
	else echo "As root: apt-get install $(SYSTEM_PACKAGES)" >&2; exit 1; fi; \
	echo "Installing $(SYSTEM_PACKAGES) ..."; log=$$(mktemp); \
	if $$sudo sh -c "$$INSTALL_AS_ROOT" >$$log 2>&1 </dev/null; then rm $$log; \
	else echo "$(SYSTEM_PACKAGES) could not be installed ($$log): $$(tail -n 1 $$log)" >&2; exit 1; fi

## The installation alone.
install: $(DEMO)

## Formatting, lint, and types in two checkers.
check: $(TOOLS)
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/pyright

## What the formatter and the linter can mend by themselves.
format: $(TOOLS)
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

## The documentation, into site/.
docs: $(TOOLS)
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

## The benchmarks: a dated file under benchmarks/results/.
bench: $(TOOLS)
	@$(BIN)/python benchmarks/run.py $(ARGS)

## Ten million rows of eight tenants, direct and through PgBouncer, with random cancels; exit 1 on a foreign row.
soak: $(TOOLS)
	@$(BIN)/python tests/soak/run_soak.py $(ARGS)

## The official MCP conformance suite against a server built with mcpdb, in both protocol eras.
conformance: $(TOOLS)
	@$(BIN)/python tests/conformance/run_conformance.py $(ARGS)

clean:
	@rm -rf $(VENV) site .coverage .coverage.* .mypy_cache .pytest_cache .ruff_cache

$(VENV)/bin/python:
	@python=$$($(FIND_PYTHON)); \
	if [ -z "$$python" ]; then echo "$(NEED_PYTHON)" >&2; exit 1; fi; \
	$$python -m venv $(VENV) && $(BIN)/python -m pip install -qq --upgrade pip

$(DEMO): pyproject.toml examples/zava/pyproject.toml | $(VENV)/bin/python
	@echo "Installing mcpdb and Zava into $(VENV) ..."
	@$(BIN)/python -m pip install -qq -e '.[cli,embedded,sql]' -e examples/zava
	@touch $@

$(TOOLS): $(DEMO)
	@echo "Installing the development tools into $(VENV) ..."
	@$(BIN)/python -m pip install -qq --group dev
	@touch $@
