#!/usr/bin/env bash
# Builds the image and runs the demo in it at a tiny size: with the user of the image, a read-only root file system, no
# capabilities, no network and three mounted folders. The MLflow server runs with the settings of compose.yaml.
#   docker/test.sh          the whole image, about 15 minutes
#   docker/test.sh small    without torch and packages that need it: draws, catalogues and splits frames, trains nothing
set -euo pipefail
cd "$(dirname "$0")/.."
source docker/engine.sh
trap remove_all EXIT

name=hand-gestures-test
image=localhost/$name
version=$(sed -nE 's/^__version__ = "(.*)"/\1/p' src/hand_gestures/__init__.py)
volumes=()
for folder in data mlruns huggingface; do volumes+=(--volume "$name-$folder:/app/$folder"); done
tiny=(--env demo --params sample.performers=3,sample.height=120,sample.width=160,network.hidden=8,training.epochs=2)
pipeline=__default__
product=data/demo/08_reporting/evaluation.json
leave_out=none
if [ "${1:-}" = small ]; then
    pipeline=data_processing
    product=data/demo/03_primary/split.csv
    leave_out='torch.*|pytorch-.*|lightning.*|triton|cuda-.*|nvidia-.*|timm|transformers|tokenizers|ultralytics.*'
    leave_out+='|polars.*|av|scikit-learn|skops|sympy|networkx|kedro-viz|plotly|ipython|jedi|hf-xet|uvloop'
fi

say() { printf 'image, %s s: %s\n' "$SECONDS" "$*"; }

words() { # the words of a setting of a service in compose.yaml, one per line
    .venv/bin/python -c "import yaml; print(*yaml.safe_load(open('compose.yaml'))['services']['$1']$2, sep='\n')"
}

start() { # arguments: service of compose.yaml, options of its container; waits until the service is healthy
    local service=$1 command healthy
    shift
    mapfile -t command < <(words "$service" "['entrypoint']")
    mapfile -t healthy < <(words "$service" "['healthcheck']['test'][1:]")
    run_image --detach --name "$name-$service" "$@" --entrypoint "${command[0]}" "$image" "${command[@]:1}" > /dev/null
    for _ in {1..60}; do
        if "${engine[@]}" exec "$name-$service" "${healthy[@]}" 2> /dev/null; then
            say "$service is healthy"
            return
        fi
        sleep 1
    done
    "${engine[@]}" logs "$name-$service"
    return 1
}

prepare_engine || exit 77 # it has printed the reason
say "the engine and the base image are ready"
build_image --build-arg VERSION="$version" --build-arg LEAVE_OUT="$leave_out" > "$scratch/build.log" 2>&1 \
    || { tail -40 "$scratch/build.log"; exit 1; }
say "built, $("${engine[@]}" image inspect --format '{{.Size}}' "$image" | numfmt --to si --suffix B) unpacked"

labels=$("${engine[@]}" image inspect --format '{{.Config.Labels}}' "$image")
[[ $labels == *"image.version:$version"* && $labels == *"image.licenses:Apache-2.0 AND "*"GPL-2.0-or-later"* ]]

run_image --entrypoint bash "$image" -ec '
    [ "$(id -u)" = 10001 ]
    for compiler in cc gcc g++ make; do if type "$compiler"; then exit 1; fi; done
    if touch conf/new || touch /venv/new; then exit 1; fi
    python -c "import cv2"
' 2> /dev/null
say "the image has its own user, no compilers and no write access; OpenCV can be imported"

start mlflow "${volumes[@]}" --env MLFLOW_BACKEND_STORE_URI=sqlite:////app/mlruns/server.db \
    --env MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false
network=container:$name-mlflow
run_image "${volumes[@]}" "$image" run "${tiny[@]}" --pipeline sample_data --tags clips
run_image "${volumes[@]}" --env TRACKING_URI=http://127.0.0.1:5000 "$image" \
    run "${tiny[@]}" --pipeline "$pipeline"
run_image --entrypoint python "$image" -c 'import mlflow
mlflow.set_tracking_uri("http://127.0.0.1:5000")
assert len(mlflow.search_runs(search_all_experiments=True)) == 1'
run_image "${volumes[@]}" --entrypoint stat "$image" --format '%n belongs to user %u' "$product" | grep 'user 10001$'
say "the demo ran, and the MLflow server has its run"
network=none
if [ $pipeline = __default__ ]; then start viz "${volumes[@]}"; fi
