# Everything runs in .venv, made from the hashed requirements; `make help` lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
# Where it is set, each of the tests' many processes would compile every package anew: seconds of CPU a start.
unexport PYTHONDONTWRITEBYTECODE
.PHONY: help demo test lint bench soak rig clean lock

BIN := .venv/bin
RUNTIME := .venv/runtime.stamp
DEV := .venv/dev.stamp
NANNYML := .venv-nannyml/stamp
KUBERNETES := .venv-kubernetes/stamp
DETECTION := .venv-detection/stamp
FOCUS := .venv-focus/stamp
PYTHON ?= $(or $(firstword $(shell command -v python3.11 python3.12 python3.13 python3)),python3)
PIN = $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --custom-compile-command "make lock"
COMPILE = $(PIN) --python-version 3.11

help:  ## this list
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

demo: $(RUNTIME)  ## a simulated cluster: costs, a worse model, its rollback, and a page that shows it
	$(BIN)/driftledger demo

test: lint rig  ## lint, types, layers and all tests
# Three for two cores: those of brokers and clusters wait much of their time.  One thread each for scikit-learn: a
# thread that waits for another spins, and where every core is taken a model of a second took a minute.
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 3 --dist loadgroup

lint: $(DEV)  ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(DEV) $(NANNYML) $(KUBERNETES) $(DETECTION) $(FOCUS) rig  ## measure speed and verdicts; writes docs/benchmarks.md, docs/detection.md
	rm -f build/bench.jsonl
# The pages are written whatever fails: a figure that is too low is one to be seen.
	failed=0; $(BIN)/pytest -m bench tests/bench || failed=$$?; \
	$(BIN)/python -m tests.bench.page; \
	$(BIN)/python -m tests.bench.detection; \
	exit $$failed

soak: $(DEV) rig  ## long runs: workers under faults (writes docs/faults.md), then the laws with many more examples
	rm -f build/faults.jsonl
	failed=0; BENCH_RESULTS=build/faults.jsonl $(BIN)/pytest -m soak || failed=$$?; \
	BENCH_RESULTS=build/faults.jsonl $(BIN)/python -m tests.faults.page; \
	exit $$failed
# 50 times the examples of `make test` for every law, also for those that name a number (tests/examples.py).
	OMP_NUM_THREADS=1 HYPOTHESIS_PROFILE=soak $(BIN)/pytest -n 3 --dist loadgroup -m 'hypothesis and not bench and not soak and not browser'

rig: $(DEV)  ## what the tests need beside Python: Chromium, Kafka, PostgreSQL, S3, Prometheus, Kubernetes, Hubble
	.ci/system-packages browser
	.ci/system-packages servers
	$(BIN)/python -m pipeline.rig

lock: $(DEV)  ## resolve the requirements anew
	$(COMPILE) --upgrade .ci/requirements/build.in -o .ci/requirements/build.txt
	$(COMPILE) --upgrade pyproject.toml -o .ci/requirements/runtime.txt
	$(COMPILE) --upgrade pyproject.toml --extra dev -c .ci/requirements/runtime.txt -o .ci/requirements/dev.txt
	$(COMPILE) --upgrade .ci/requirements/bench-nannyml.in -o .ci/requirements/bench-nannyml.txt
	$(COMPILE) --upgrade .ci/requirements/bench-kubernetes.in -o .ci/requirements/bench-kubernetes.txt
	$(COMPILE) --upgrade .ci/requirements/bench-detection.in -o .ci/requirements/bench-detection.txt
	$(PIN) --python-version 3.12 --upgrade .ci/requirements/bench-focus.in -o .ci/requirements/bench-focus.txt
	$(COMPILE) --upgrade pipeline/rig/mlserver.in -o pipeline/rig/mlserver.txt

clean:  ## remove what was built; a ledger in driftledger-data is kept
	rm -rf .venv .venv-nannyml .venv-kubernetes .venv-detection .venv-focus build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .grimp_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/build.stamp: .ci/requirements/build.txt
	PYTHON=$(PYTHON) .ci/system-packages python
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r .ci/requirements/build.txt
	touch $@

$(RUNTIME): .venv/build.stamp .ci/requirements/runtime.txt pyproject.toml
	$(BIN)/uv pip install --quiet --require-hashes -r .ci/requirements/runtime.txt
	$(BIN)/uv pip install --quiet --no-deps --no-build-isolation -e .
	touch $@

$(DEV): $(RUNTIME) .ci/requirements/dev.txt
	$(BIN)/uv pip install --quiet --require-hashes -r .ci/requirements/dev.txt
	touch $@

# NannyML needs older packages than ours, so it lives in an environment of its own.
$(NANNYML): .venv/build.stamp .ci/requirements/bench-nannyml.txt
	$(BIN)/uv venv --quiet --clear --python $(PYTHON) .venv-nannyml
	$(BIN)/uv pip install --quiet --python .venv-nannyml/bin/python --require-hashes -r .ci/requirements/bench-nannyml.txt
	touch $@

$(KUBERNETES): .venv/build.stamp .ci/requirements/bench-kubernetes.txt
	$(BIN)/uv venv --quiet --clear --python $(PYTHON) .venv-kubernetes
	$(BIN)/uv pip install --quiet --python .venv-kubernetes/bin/python --require-hashes -r .ci/requirements/bench-kubernetes.txt
	touch $@

$(DETECTION): .venv/build.stamp .ci/requirements/bench-detection.txt
	$(BIN)/uv venv --quiet --clear --python $(PYTHON) .venv-detection
	$(BIN)/uv pip install --quiet --python .venv-detection/bin/python --require-hashes -r .ci/requirements/bench-detection.txt
	touch $@

# The official validator wants Python 3.12: pyenv's, else what uv finds or fetches.
$(FOCUS): .venv/build.stamp .ci/requirements/bench-focus.txt
	$(BIN)/uv venv --quiet --clear --python $(or $(lastword $(wildcard $(HOME)/.pyenv/versions/3.12.*/bin/python3.12)),3.12) .venv-focus
	$(BIN)/uv pip install --quiet --python .venv-focus/bin/python --require-hashes -r .ci/requirements/bench-focus.txt
	touch $@
