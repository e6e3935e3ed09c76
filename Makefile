# Two commands do all the set-up: `make demo` and `make test`.
PYTHON ?= python3.11
BIN := .venv/bin
KEDRO := $(BIN)/kedro

.DEFAULT_GOAL := help
.PHONY: help install demo test lint image image-test hooks docs docs-serve bench compact-backbones lock clean

help: ## show these lines
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: .venv/runtime ## create .venv with the locked packages

demo: .venv/runtime ## draw a gesture set, train on it, show what came out
	$(KEDRO) run --env demo --pipeline sample_data --tags clips
	$(KEDRO) run --env demo

test: .venv/dev ## run the tests
	$(BIN)/python -m pytest

lint: .venv/dev ## ruff, types, import contracts, Dockerfile and compose.yaml
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/hadolint Dockerfile
	$(BIN)/compose-lint check --quiet compose.yaml

image: ## build the image hand-gestures with Docker (VARIANT=cpu: without CUDA)
	docker build --build-arg VARIANT=$(or $(VARIANT),cuda) --tag hand-gestures \
		--build-arg VERSION=$$(sed -nE 's/^__version__ = "(.*)"/\1/p' src/hand_gestures/__init__.py) .

image-test: .venv/dev ## build the image and run the demo in it; without Docker: as root on Debian 12 (half an hour)
	docker/test.sh

hooks: .venv/dev ## look at what is committed before every commit
	$(BIN)/pre-commit install

docs: .venv/dev ## build the documentation into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

docs-serve: .venv/dev ## show the documentation while it is written
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve

bench: .venv/runtime ## measure what docs/benchmarks.md says (a quarter of an hour on two cores)
	for figures in catalog_scale extraction storage augmentation memory training_step; do \
		$(BIN)/python benchmarks/$$figures.py || exit; \
	done

compact-backbones: .venv/runtime ## train the small backbones of the demo again (up to 60 minutes on two cores)
	$(BIN)/python scripts/compact_backbones/train.py

lock: ## resolve the packages anew with uv and export what pip installs
	uv lock
	uv export -q --frozen --no-emit-project --no-dev -o requirements.txt
	uv export -q --frozen --no-emit-project -o requirements-dev.txt
	uv export -q --frozen --only-group server -o docker/requirements-server.txt

clean: ## remove what runs wrote; raw frames and the environment stay
	rm -rf data/demo data/0[2-578]_* data/06_models/classifier data/06_models/training_checkpoint mlflow.db mlruns build dist site

.venv/bin/python:
	$(PYTHON) -m venv .venv

# The lock is whole, so pip adds nothing to it (--no-deps): asked for `name[extra]`, it would go for the newest release.
.venv/runtime: requirements.txt pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --require-hashes --no-deps -r requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	@touch $@

.venv/dev: requirements-dev.txt .venv/runtime
	$(BIN)/python -m pip install --quiet --require-hashes --no-deps -r requirements-dev.txt
	@touch $@
