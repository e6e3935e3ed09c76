# The project with its locked packages. The entry point is kedro. Runs write only to three mounted folders: data, mlruns
# and huggingface. docs/gpu.md has the command.
# The base image has no CUDA: torch from PyPI contains it, and --gpus provides the driver of the host.
# Python 3.11.16; the digest is from docker-library/repo-info, of 25 August 2026
ARG PYTHON_IMAGE=python:3.11-slim-bookworm@sha256:0bee7276f83efd4a1ee05bbbf4281d95ed28e079220a9457f25a93e3f1e3c31b

FROM ${PYTHON_IMAGE} AS packages
# cuda, or cpu: PyTorch without CUDA in the locked version; from another index, so the locked hash is not checked
ARG VARIANT=cuda
ARG CPU_INDEX=https://download.pytorch.org/whl/cpu
# Regular expression of packages to leave out, e.g. 'ultralytics.*' (AGPL), which hands.enabled: false does not need
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
# The Makefile explains --no-deps. Every package has a wheel, so the image needs no compiler.
RUN --mount=type=cache,target=/root/.cache/pip \
    python3 -m venv --without-pip /venv \
    && install="python3 -m pip --python /venv/bin/python install --no-deps --only-binary :all:" \
    && $install --require-hashes -r locked.txt -r requirements-server.txt \
    && if [ "${VARIANT}" = cpu ]; then $install --index-url "${CPU_INDEX}" -r cpu.txt; fi

# Hand landmark models of MediaPipe (Apache-2.0) from one pinned wheel, which is not installed
FROM ${PYTHON_IMAGE} AS landmarks
WORKDIR /build
COPY src ./src
RUN --mount=type=cache,target=/root/.cache/pip \
    PYTHONPATH=src python3 -m hand_gestures.backbones.landmark_models fetch /hand_landmarks

FROM ${PYTHON_IMAGE}
# Shared libraries for OpenCV, in the current Debian version
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgl1 libglib2.0-0 \
    && rm -rf /var/lib/apt/lists/*
COPY --from=packages /venv /venv

WORKDIR /app
COPY pyproject.toml .telemetry LICENSE README.md ./
COPY conf ./conf
# Not in data/, because a volume hides that folder
COPY data/06_models/compact_backbones ./compact_backbones
COPY --from=landmarks /hand_landmarks ./hand_landmarks
COPY src ./src
# Any user can write to the mounted folders, and only there: with `--user "$(id -u)"` the files belong to you.
RUN python3 -m compileall -q src && install -d -m 1777 data mlruns huggingface

ENV PATH=/venv/bin:$PATH \
    PYTHONPATH=/app/src \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    # libraries need a home folder for settings and caches, and a name for the current user
    HOME=/tmp \
    USER=gestures \
    HF_HOME=/app/huggingface \
    TRACKING_URI=sqlite:////app/mlruns/mlflow.db \
    COMPACT_BACKBONES=/app/compact_backbones \
    HAND_LANDMARKS=/app/hand_landmarks \
    DO_NOT_TRACK=true \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility,video

# `make image` passes the version of the package
ARG VERSION=unknown
# AGPL: ultralytics. GPL: x264 and x265 in PyAV, LGPL: FFmpeg in PyAV and OpenCV. NVIDIA: CUDA, not in the variant cpu.
LABEL org.opencontainers.image.title="hand_gestures" \
      org.opencontainers.image.description="Hand gestures from video. Packages keep their licences: docs/licences.md" \
      org.opencontainers.image.licenses="Apache-2.0 AND AGPL-3.0-only AND GPL-2.0-or-later AND LGPL-3.0-or-later AND LicenseRef-NVIDIA-Proprietary" \
      org.opencontainers.image.version="${VERSION}"

USER 10001:10001
# Python as the first process of a container ignores SIGTERM
STOPSIGNAL SIGINT
ENTRYPOINT ["kedro"]
CMD ["run"]
