# The project with its locked packages; the entry point is kedro:
#   docker build -t hand-gestures .
#   docker run --rm --gpus all -v "$PWD/data:/app/data" hand-gestures run --pipeline feature_engineering
ARG PYTHON_IMAGE=python:3.11-slim-bookworm
FROM ${PYTHON_IMAGE}

# libgl1 and libglib2.0-0: OpenCV's shared libraries
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgl1 libglib2.0-0 \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /app
COPY requirements.txt ./
RUN pip install --no-cache-dir --require-hashes -r requirements.txt

COPY pyproject.toml README.md LICENSE ./
COPY src ./src
RUN pip install --no-cache-dir --no-deps --editable .
COPY conf ./conf
COPY data/06_models/compact_backbones ./data/06_models/compact_backbones

RUN useradd --uid 10001 --create-home gestures && mkdir -p data && chown -R 10001 /app
USER 10001
ENV HF_HOME=/app/data/huggingface
ENTRYPOINT ["kedro"]
CMD ["run"]
