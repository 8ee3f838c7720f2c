# Everything a newcomer or CI needs; each target sets up what it lacks.
PYTHON ?= python3
TORCH ?= -r requirements/torch.txt
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: help setup run test browser check format lock bench tables

help:
	@echo "make run     run the embedded benchmark and print its table"
	@echo "make test    set up, check the code, run all tests"
	@echo "make bench   time every stage beside a straightforward version (15 minutes)"
	@echo "make tables  make the published tables again and compare (3 minutes)"
	@echo "make browser install the browser that tests of the page drive"
	@echo "make setup   make $(VENV) with the pinned versions"
	@echo "make check   formatting, lint, types and import rules"
	@echo "make format  format the code"
	@echo "make lock    pin the versions again (UPGRADE=--upgrade for the newest)"

setup: $(STAMP)

$(STAMP): requirements/lock.txt requirements/torch.txt requirements/install.sh requirements/system.sh pyproject.toml
	@PYTHON=$(PYTHON) TORCH='$(TORCH)' bash requirements/install.sh $(VENV)
	@touch $@

run: setup
	@$(BIN)/genbench run

test: check browser
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto -q

browser:
	@bash requirements/browser.sh

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

tables: setup
	$(BIN)/genbench publish

bench: setup
	@for script in tests/performance/bench_*.py; do \
		echo "== $$script"; OMP_WAIT_POLICY=passive $(BIN)/python $$script || exit 1; \
	done

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

LOCKER := build/locker
lock:
	$(PYTHON) -m venv $(LOCKER)
	$(LOCKER)/bin/pip install --quiet uv
	$(LOCKER)/bin/uv pip compile pyproject.toml requirements/torch-needs.in --extra dev \
		--override requirements/without-torch.txt --universal --python-version 3.11 \
		--generate-hashes --no-annotate --no-header --no-emit-index-url --quiet $(UPGRADE) \
		--output-file requirements/lock.txt
