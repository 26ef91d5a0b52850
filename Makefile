# tagbench. `make` alone explains the targets; every target builds .venv by itself.
.DEFAULT_GOAL := help
.PHONY: help install lock benchmark robustness pretrained test test-all lint type check docs status leaderboard report verify clean FORCE

PYTHON ?= python3
BIN := .venv/bin
DATASET ?=
MODELS ?=
PERTURBATIONS ?=
SEEDS ?=
PRESET ?=
DATA ?=
WANDB ?= auto

flag = $(if $(2),--$(1) "$(2)")
FLAGS = $(call flag,dataset,$(DATASET)) $(call flag,models,$(MODELS)) \
	$(call flag,perturbations,$(PERTURBATIONS)) $(call flag,seeds,$(SEEDS)) \
	$(call flag,preset,$(PRESET)) $(call flag,data,$(DATA)) --wandb "$(WANDB)"

help: ## Show this help
	@echo "Usage: make TARGET [VARIABLE=value ...]"; echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo; echo "Variables of benchmark: DATASET MODELS PERTURBATIONS SEEDS PRESET DATA WANDB"
	@echo "  make benchmark"
	@echo "  make robustness DATA=path/to/my_music"
	@echo "  make benchmark DATASET=folder DATA=path/to/my_music"
	@echo "  make benchmark MODELS=fcn,musicnn PERTURBATIONS=pitch_shift,white_noise:1+3+5 SEEDS=0,1"

# .venv is built anew where its Python is outside requires-python, or differs from a PYTHON that is given.
SUPPORTED := $(shell awk -F '[.,"]' '/^requires-python/ {for (i = $$3; i < $$5; i++) print "3." i}' pyproject.toml)
version = $(shell $(1) -S -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null)
supported = $(filter $(SUPPORTED:=.%),$(call version,$(1)))
asked = $(if $(filter-out file,$(origin PYTHON)),$(call version,$(PYTHON)),%)
usable = $(filter $(asked),$(call supported,$(BIN)/python))
found = $(strip $(foreach v,$(SUPPORTED),$(if $(call supported,python$(v)),python$(v))))
unsupported = Python version of '$(PYTHON)': $(or $(call version,$(PYTHON)),none found). \
	tagbench needs one of: $(SUPPORTED). On PATH: $(or $(found),none; install one first). \
	Run 'make $(MAKECMDGOALS) $(filter-out PYTHON=%,$(MAKEOVERRIDES)) \
	PYTHON=$(or $(firstword $(found)),python$(lastword $(SUPPORTED)))'
create = $(if $(call supported,$(PYTHON)),,$(error $(strip $(unsupported)))) \
	rm -rf .venv && $(PYTHON) -m venv .venv || { rm -rf .venv; exit 1; }

# uv installs the lock in seconds; without it pip does the same, slower.
.venv/.installed: requirements.lock pyproject.toml $(if $(usable),,FORCE)
	@$(if $(usable),,$(create))
	@echo "Installing the locked packages into .venv ..."
	@if $(BIN)/python -m pip install --quiet uv; then \
		VIRTUAL_ENV=.venv $(BIN)/uv pip install --quiet -r requirements.lock && \
		VIRTUAL_ENV=.venv $(BIN)/uv pip install --quiet --no-deps -e . ; \
	else \
		$(BIN)/python -m pip install --quiet -r requirements.lock && \
		$(BIN)/python -m pip install --quiet --no-deps -e . ; \
	fi
	@touch $@

FORCE:

install: .venv/.installed ## Create .venv from nothing but python3

lock: install ## Resolve requirements.lock anew from pyproject.toml
	VIRTUAL_ENV=.venv $(BIN)/uv pip compile -q --universal --python-version $(firstword $(SUPPORTED)) --group dev \
		--upgrade --no-emit-index-url --no-annotate --no-header -o requirements.lock pyproject.toml

benchmark: install ## Train, perturb, evaluate and score; the embedded corpus by default
	@$(BIN)/tagbench run $(FLAGS)

robustness: install ## Perturb your music, and measure how far pretrained taggers change
	@$(BIN)/tagbench run --pretrained $(FLAGS)

pretrained: install ## Download and import four pretrained taggers (29 MB)
	@$(BIN)/tagbench pretrained

# The tests start a hundred processes. PYTHONDONTWRITEBYTECODE, which containers often set, would let
# each of them compile torch and Lightning anew, for six seconds.
test test-all: export PYTHONDONTWRITEBYTECODE :=
test test-all: export OMP_NUM_THREADS := 1

# Modules start in the order of tests/conftest.py, and not by their number of tests.
PYTEST = $(BIN)/python -m pytest -n 2 --dist loadscope --no-loadscope-reorder -q

test: install ## Run the tests, with coverage
	@$(PYTEST) --cov --cov-report=term --cov-fail-under=85

test-all: install ## Run the slow tests too
	@$(PYTEST) -m "slow or not slow"

lint: install ## Check style
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

type: install ## Check types
	@$(BIN)/mypy

check: lint type test ## All of the above

docs: install ## Build the documentation into docs/build/html; a warning is an error
	@$(BIN)/python -m sphinx -b html -W --keep-going -q docs docs/build/html
	@echo "Documentation: docs/build/html/index.html"

status leaderboard report verify: install ## Show, rebuild or check the results
	@$(BIN)/tagbench $@ $(call flag,dataset,$(DATASET))

clean: ## Remove the environment and caches; keeps data/ and results/
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache
