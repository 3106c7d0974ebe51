# Every target sets up what it needs: Python 3.11 with venv, make and git are enough.
.DEFAULT_GOAL := help
.PHONY: help install demo test test-slow test-alone test-compose chaos check format bench bench-tools fields lock clean

# The first of these that really runs: a newer python3 is as good as 3.11.
PYTHON ?= $(shell for p in python3.11 python3 python3.12 python3.13; do \
  $$p -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
UV := $(BIN)/uv
LOCKARGS := --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -q
SOURCES := shared services tests bench
BENCH_TOOLS := pyinfra ansible tools
CLIENTS := .venv-tests-awscli/.done
T ?= tests
PLATFORM ?= server
STACK := compose.yml
STACKS := $(STACK) $(STACK):compose.tls.yml $(STACK):compose.monitoring.yml $(STACK):compose.rabbitmq.yml \
  $(STACK):compose.tls.yml:compose.monitoring.yml:compose.rabbitmq.yml

help: ## Show what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: .venv/.done ## Install Tidegate into .venv (leaves .venv/bin/tidegate)

demo: install ## Start a whole system and deploy while you watch (PLATFORM=server, lambda, ecs or all)
	$(BIN)/tidegate demo --platform $(PLATFORM)

test: .venv/.done .venv/.system .venv/.prometheus .venv/.rabbitmq $(CLIENTS) ## Run all tests (T=path runs some)
	$(BIN)/python -m pytest -m "not slow" -n 4 --dist loadfile --no-loadscope-reorder $(T)

test-slow: .venv/.done .venv/.system .venv/.prometheus .venv/.rabbitmq $(CLIENTS) ## Run the tests that take minutes
	$(BIN)/python -m pytest -m "slow and not alone" -n 2 --dist loadfile --no-loadscope-reorder $(T)

test-alone: .venv/.done .venv/.system ## Run the tests that count calls, on a machine that does nothing else
	$(BIN)/python -m pytest -m "slow and alone" -rP $(T)

test-compose: .venv/.done .venv/.engine ## Run the stack of deploy/ on a real engine, and break it (CHAPTERS="stack faces rabbitmq")
	cd tests && ../$(BIN)/python -m compose $(CHAPTERS)

chaos: .venv/.done .venv/.system ## Kill workers and cut connections for ten minutes (TIDEGATE_CHAOS_SECONDS)
	TIDEGATE_CHAOS_SECONDS=$${TIDEGATE_CHAOS_SECONDS:-600} $(BIN)/python -m pytest -s -m slow tests/acceptance/test_chaos.py

check: .venv/.done ## Check format, lint, types, import rules, the stack, and that the runner is Python 3.6
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/architecture/test_runner.py
	$(BIN)/hadolint deploy/Dockerfile
	$(BIN)/hadolint --ignore DL3008 tests/compose/images/*.Dockerfile
	$(BIN)/docker-compose --env-file deploy/.env.example config -q
	cd deploy && for files in $(STACKS); do \
	  COMPOSE_FILE=$$files ../$(BIN)/docker-compose --env-file .env.example config -q || exit 1; done

format: .venv/.done ## Put the code in the house format
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/ruff check --fix $(SOURCES)

bench: .venv/.done .venv/.system bench-tools ## Measure an idle system, the API, fleets, canaries and thousands of hosts (two hours)
	$(BIN)/python bench/idle.py
	$(BIN)/python bench/api.py --save
	$(BIN)/python bench/fleet.py --save
	$(BIN)/python bench/fleet.py --save --hold
	$(BIN)/python bench/canaries.py --save
	$(BIN)/python bench/scale.py --save

bench-tools: $(BENCH_TOOLS:%=.venv-bench-%/.done) ## Install what the bench compares with, each in .venv-bench-*

# Each in an environment of its own: what pins them would pin us.
.venv-bench-%/.done: bench/%.lock $(UV)
	$(in-own-venv)

.venv-tests-%/.done: tests/%.lock $(UV)
	$(in-own-venv)

define in-own-venv
$(UV) venv -q --clear --python $(BIN)/python $(@D)
$(UV) pip sync -q --compile-bytecode --python $(@D)/bin/python --require-hashes $<
@touch $@
endef

fields: .venv/.done ## Write the table of fields in docs/codedeploy-compatibility.md anew
	cd tests && ../$(BIN)/python -m architecture.fields

lock: ## Write all locks anew, from pyproject.toml, bench/*.in and tests/*.in
	$(UV) pip compile pyproject.toml --all-extras $(LOCKARGS) -o requirements.lock
	echo "uv==0.13.9" | $(UV) pip compile - $(LOCKARGS) -o bootstrap.lock
	for tool in $(BENCH_TOOLS); do $(UV) pip compile bench/$$tool.in $(LOCKARGS) -o bench/$$tool.lock || exit 1; done
	$(UV) pip compile tests/awscli.in $(LOCKARGS) -o tests/awscli.lock
	$(UV) pip compile pyproject.toml -c requirements.lock $(LOCKARGS) --no-annotate -o deploy/runtime.lock
	echo "hatchling" | $(UV) pip compile - -c requirements.lock $(LOCKARGS) --no-annotate -o deploy/build.lock

clean: ## Remove what was installed and built
	rm -rf .venv .venv-bench-* .venv-tests-* .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(UV): bootstrap.lock
	@test -n "$(PYTHON)" || { echo 'Tidegate needs Python 3.11 or newer with venv; none was found.' >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r bootstrap.lock
	@touch $(UV)

.venv/.done: requirements.lock pyproject.toml $(UV)
	$(UV) pip sync -q --compile-bytecode --python $(BIN)/python --require-hashes requirements.lock
	$(UV) pip install -q --python $(BIN)/python --no-build-isolation --no-deps -e .
	$(BIN)/python -m compileall -q shared services
	@touch $@

# What tests need from the system. Without root the tests that need it are skipped and say so.
SYSTEM_PACKAGES := openssh-server openssh-client acl sudo
.venv/.system: .venv/.done
	@if ! { test -x /usr/sbin/sshd && command -v setfacl && command -v sudo; } >/dev/null && test "$$(id -u)" = 0 && command -v apt-get >/dev/null; then \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $(SYSTEM_PACKAGES) >/dev/null; fi
	@touch $@

# A container engine, and what makes an image where no registry can be reached.
ENGINE_PACKAGES := docker.io iptables mmdebstrap openssh-client
.venv/.engine: .venv/.done
	@if ! { command -v dockerd && command -v mmdebstrap; } >/dev/null; then \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $(ENGINE_PACKAGES) >/dev/null; fi
	@touch $@

# Unpacked and not installed: the package would start a service of its own where systemd runs.
.venv/.prometheus: .venv/.done
	@if ! command -v prometheus >/dev/null && test "$$(id -u)" = 0 && command -v apt-get >/dev/null; then \
	  rm -rf .venv/prometheus* && apt-get update -qq && cd .venv && apt-get download -qq prometheus 2>/dev/null && \
	  dpkg-deb -x prometheus_*.deb prometheus && rm prometheus_*.deb; fi
	@touch $@

# RabbitMQ and the Erlang that it needs, likewise; Erlang has to be told where it lies.
.venv/.rabbitmq: .venv/.done
	@if ! test -x /usr/lib/rabbitmq/bin/rabbitmq-server && test "$$(id -u)" = 0 && command -v apt-get >/dev/null; then \
	  rm -rf .venv/rabbitmq && mkdir .venv/rabbitmq && apt-get update -qq && cd .venv/rabbitmq && \
	  apt-get download -qq $$(apt-get install -s --no-install-recommends rabbitmq-server | \
	    awk '/^Inst (erlang-|rabbitmq-server )/ {print $$2}') 2>/dev/null && \
	  for package in *.deb; do dpkg-deb -x "$$package" . && rm "$$package" || exit 1; done && \
	  sed -i "s|/usr/lib/erlang|$$PWD/usr/lib/erlang|" usr/lib/erlang/bin/erl; fi
	@touch $@
