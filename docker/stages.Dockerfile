# One stage per container: what a pod of a model with `runtime: kubernetes` runs.
#   docker build -f docker/stages.Dockerfile -t slipway-stages \
#       --build-arg GIT_COMMIT="$(git rev-parse HEAD)" .
FROM python:3.11.14-slim-bookworm AS build
RUN python -m venv /opt/venv
COPY requirements/stages.txt /requirements/
RUN /opt/venv/bin/pip install --no-cache-dir --no-deps --require-hashes \
        -r /requirements/stages.txt
RUN echo /opt/slipway/include > /opt/venv/lib/python3.11/site-packages/slipway.pth \
    && printf '#!/opt/venv/bin/python\nfrom slipway.cli import main\n\nmain()\n' \
        > /opt/venv/bin/slipway \
    && chmod 755 /opt/venv/bin/slipway

FROM python:3.11.14-slim-bookworm
# XGBoost computes on OpenMP threads.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --create-home slipway
COPY --from=build /opt/venv /opt/venv
# What a training run says about the code it ran on.
COPY requirements/stages.txt /opt/slipway/requirements/
COPY include /opt/slipway/include
ARG GIT_COMMIT=""
ENV SLIPWAY_GIT_COMMIT=$GIT_COMMIT
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    SLIPWAY_SCRATCH=/home/slipway/scratch \
    GX_ANALYTICS_ENABLED=false \
    MLFLOW_DISABLE_TELEMETRY=true
WORKDIR /home/slipway
USER 10001
ENTRYPOINT ["slipway"]
CMD ["--help"]
