# `make demo` and `make test` also install everything they need.
PYTHON ?= python3.11
BIN := .venv/bin
KEDRO := $(BIN)/kedro
LANDMARKS := data/06_models/hand_landmarks

.DEFAULT_GOAL := help
.PHONY: help install demo test lint image image-test hooks docs docs-serve bench gpu-check compact-backbones lock clean

help: ## list all targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: .venv/runtime $(LANDMARKS)/LICENSE ## create .venv with the locked packages; download the hand landmark models

demo: .venv/runtime $(LANDMARKS)/LICENSE ## draw a gesture set, run the whole pipeline on it, print the results
	$(KEDRO) run --env demo --pipeline sample_data --tags clips
	$(KEDRO) run --env demo

test: .venv/dev $(LANDMARKS)/LICENSE ## run the tests
	$(BIN)/python -m pytest -n 2 --dist loadfile

lint: .venv/dev ## check style, types, import contracts, Dockerfile and compose.yaml
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/hadolint Dockerfile
	$(BIN)/compose-lint check --quiet compose.yaml

image: ## build the image hand-gestures with Docker (VARIANT=cpu: without CUDA)
	docker build --build-arg VARIANT=$(or $(VARIANT),cuda) --tag hand-gestures \
		--build-arg VERSION=$$(sed -nE 's/^__version__ = "(.*)"/\1/p' src/hand_gestures/__init__.py) .

image-test: .venv/dev ## build the image and run the demo in it; without Docker: as root on Debian 12 (30 minutes)
	docker/test.sh

hooks: .venv/dev ## install git hooks that check code before every commit
	$(BIN)/pre-commit install

docs: .venv/dev ## build the documentation into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

docs-serve: .venv/dev ## show the documentation in the browser, with live reload
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve

bench: .venv/runtime ## repeat the measurements of docs/benchmarks.md, idle and beside a busy program (40 minutes on two cores)
	$(BIN)/python benchmarks/catalog_scale.py
	for benchmark in extraction storage augmentation memory training_step landmarks; do \
		$(BIN)/python benchmarks/$$benchmark.py && $(BIN)/python benchmarks/$$benchmark.py --neighbour || exit; \
	done

gpu-check: .venv/runtime ## check values and speed on the GPU of this machine; writes gpu_check.json (8 minutes)
	$(BIN)/python benchmarks/gpu_check.py

compact-backbones: .venv/runtime ## train the small backbones of the demo again (up to 60 minutes on two cores)
	$(BIN)/python scripts/compact_backbones/train.py

lock: ## resolve the packages with uv and export the files for pip
	uv lock
	uv export -q --frozen --no-emit-project --no-dev -o requirements.txt
	uv export -q --frozen --no-emit-project -o requirements-dev.txt
	uv export -q --frozen --only-group server -o docker/requirements-server.txt

clean: ## remove results of runs; keep raw frames and .venv
	rm -rf data/demo data/0[2-578]_* data/06_models/classifier data/06_models/training_checkpoint mlflow.db mlruns build dist site

.venv/bin/python:
	$(PYTHON) -m venv .venv

# --no-deps: the lock contains all packages. Without it, pip resolves `name[extra]` to the newest release.
.venv/runtime: requirements.txt pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --require-hashes --no-deps -r requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	@touch $@

# Models of MediaPipe from one pinned wheel, which is not installed; LICENSE is written last
$(LANDMARKS)/LICENSE: | .venv/runtime
	$(BIN)/python -m hand_gestures.backbones.landmark_models fetch $(LANDMARKS)

.venv/dev: requirements-dev.txt .venv/runtime
	$(BIN)/python -m pip install --quiet --require-hashes --no-deps -r requirements-dev.txt
	@touch $@
