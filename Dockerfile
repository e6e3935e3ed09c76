# The project with its locked packages; the entry point is kedro. What runs write lies in three mounted folders,
# data, mlruns and huggingface: README.md has the command.
# The base has no CUDA: PyPI's torch brings its own, and the host's driver comes in with --gpus.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS packages
# cuda, or cpu: PyTorch's build without CUDA, of the locked version but from an index of its own, so without locked hash
ARG VARIANT=cuda
ARG CPU_INDEX=https://download.pytorch.org/whl/cpu
# Packages to do without, as a regular expression: with hands.enabled: false, 'ultralytics.*', which is under the AGPL
ARG LEAVE_OUT=none
WORKDIR /build
COPY requirements.txt docker/requirements-server.txt ./
RUN case "${VARIANT}" in \
        cuda) out="${LEAVE_OUT}" ;; \
        cpu) out="${LEAVE_OUT}|torch|torchvision|triton|cuda-.*|nvidia-(cu|nccl|nv).*" ;; \
        *) echo "VARIANT must be cuda or cpu, not '${VARIANT}'" >&2; exit 1 ;; \
    esac; \
    awk -v out="^(${out})==" '/^[a-z]/ { skip = $0 ~ out } !skip' requirements.txt > locked.txt; \
    sed -nE 's/^(torch|torchvision)==([^ ]+).*/\1==\2+cpu/p' requirements.txt > cpu.txt
# Why --no-deps: see the Makefile. Every package has a wheel, so nothing is compiled here either.
RUN --mount=type=cache,target=/root/.cache/pip \
    python3 -m venv --without-pip /venv \
    && install="python3 -m pip --python /venv/bin/python install --no-deps --only-binary :all:" \
    && $install --require-hashes -r locked.txt -r requirements-server.txt \
    && if [ "${VARIANT}" = cpu ]; then $install --index-url "${CPU_INDEX}" -r cpu.txt; fi

FROM ${PYTHON_IMAGE}
# OpenCV's shared libraries, as Debian has them at the time
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgl1 libglib2.0-0 \
    && rm -rf /var/lib/apt/lists/*
COPY --from=packages /venv /venv

WORKDIR /app
COPY pyproject.toml .telemetry LICENSE README.md ./
COPY conf ./conf
# Beside data/, which a volume hides
COPY data/06_models/compact_backbones ./compact_backbones
COPY src ./src
# Any user may write into the mounted folders, so that `--user "$(id -u)"` gives files of one's own, and nowhere else.
RUN python3 -m compileall -q src && install -d -m 1777 data mlruns huggingface

ENV PATH=/venv/bin:$PATH \
    PYTHONPATH=/app/src \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    # libraries keep their settings and caches in the home folder, and ask for the name of a user who has none here
    HOME=/tmp \
    USER=gestures \
    HF_HOME=/app/huggingface \
    TRACKING_URI=sqlite:////app/mlruns/mlflow.db \
    COMPACT_BACKBONES=/app/compact_backbones \
    DO_NOT_TRACK=true \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility,video

# `make image` gives the package's version
ARG VERSION=unknown
LABEL org.opencontainers.image.title="hand_gestures" \
      org.opencontainers.image.description="Hand gestures from video. Packages keep their licences: README.md" \
      org.opencontainers.image.licenses="Apache-2.0 AND AGPL-3.0-only" \
      org.opencontainers.image.version="${VERSION}"

USER 10001:10001
# Python as the first process of a container does not hear SIGTERM
STOPSIGNAL SIGINT
ENTRYPOINT ["kedro"]
CMD ["run"]
