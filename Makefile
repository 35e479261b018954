# The lab's verbs. `make help` lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
PROFILE ?= quick

help:  ## list these verbs
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | expand -t 10

setup: .venv/core  ## make .venv from the hash-pinned lock; compile the load engine's hot loop

lab: .venv/core  ## run the quick profile of lab.yaml: verdicts and results/<run>/report.html
	$(BIN)/lab run --profile $(PROFILE)

test: .venv/dev  ## run all tests (TESTS="-k epoll" chooses)
	$(BIN)/python -m pytest $(TESTS)

check: .venv/dev  ## look: lint, format, types, locks (changes nothing)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	@! grep -nE '^ *(--(extra-)?index-url|--find-links|-i )|https?://' requirements*.lock \
	  || { echo 'a lock names an index address'; exit 1; }

lint: .venv/dev  ## mend what ruff can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/dev  ## the load engine against wrk and Locust, its timing, its size: goals as a table
	$(BIN)/python -m bench; one=$$?; $(BIN)/python -m bench.scale && exit $$one

images: compose-v2 $(if $(LAB_BASE_IMAGE),wheels)  ## build the container images: servers, Locust
	docker compose build --quiet

up: images  ## start all servers, a Locust master and a worker; the page is at 127.0.0.1:8089
	@docker compose up --detach --quiet-pull || { \
	  echo "make: a subnet that overlaps: LAB_SUBNET=10.123.0.0/20 LAB_PAGE_SUBNET=10.123.16.0/24 make up;" \
	    "a port that is taken: LAB_PAGE_PORT=8090 make up. More in docs/containers.md" >&2; exit 1; }

down:  ## remove the containers and networks of `make up`
	COMPOSE_PROFILES=all docker compose down --remove-orphans

compose-v2:
	@found=$$(docker compose version --short 2>/dev/null | sed 's/^v//'); \
	[ "$$(printf '%s\n' 2.20 "$${found:-0}" | sort -V | head -n 1)" = 2.20 ] || { \
	  echo "make: this needs Docker Compose 2.20 or later, the plugin behind 'docker compose'; here is" \
	    "$${found:-none}. docker-compose 1.x cannot read these files." >&2; exit 1; }

# The libraries for a build that reaches no package index: LAB_BASE_IMAGE is made of this Python.
wheels: compose/wheels/.filled

lock:  ## write the locks anew (needs uv)
	uv pip compile pyproject.toml --group build --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-header -q -o requirements.lock
	uv pip compile pyproject.toml --group build --group dev --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-header -q -o requirements-dev.lock
	for part in servers locust; do \
	  uv pip compile --group $$part --constraint requirements.lock --universal --python-version 3.11 \
	    --generate-hashes --no-emit-index-url --no-header -q -o requirements-$$part.lock; done

# pip prints its progress only where something goes wrong or takes long; a stamp says which lock is installed.
.venv/runtime: requirements.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# The hot loop of the load engine, in place. An old one is not left over.
.venv/core: loadtests/engine/fast.pyx $(wildcard loadtests/engine/fast_*.pxi) .venv/runtime
	@{ CFLAGS='-O2 -g0 -ffile-prefix-map=$(CURDIR)=.' $(BIN)/cythonize --inplace --force -3 $< \
	  && $(BIN)/python -c 'import loadtests.engine.fast'; } >.venv/core.log 2>&1 \
	  || { rm -f loadtests/engine/fast.*.so; \
	    echo 'make: no compiled core (.venv/core.log says why): the load engine is pure Python'; }
	@rm -f loadtests/engine/fast.c
	@touch $@

.venv/dev: requirements-dev.lock .venv/core
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

compose/wheels/.filled: requirements-servers.lock requirements-locust.lock | .venv/core
	rm -f compose/wheels/*.whl
	$(BIN)/python -m pip wheel -qq --disable-pip-version-check --no-deps --require-hashes \
	  --wheel-dir compose/wheels -r requirements-servers.lock -r requirements-locust.lock
	@touch $@

.PHONY: help setup lab test check lint bench lock images up down wheels compose-v2
