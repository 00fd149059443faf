# One stage per container, for pods of models and datasets with `runtime: kubernetes`.
#   docker build -f docker/stages.Dockerfile -t slipway-stages:0.1.0 \
#       --build-arg GIT_COMMIT="$(git rev-parse HEAD)" .
# docs/guides/images.md describes digests, private indexes and labels.
ARG PYTHON_IMAGE=python:3.11.14-slim-bookworm@sha256:65a93d69fa75478d554f4ad27c85c1e69fa184956261b4301ebaf6dbb0a3543d

FROM ${PYTHON_IMAGE} AS packages
RUN python -m venv --without-pip /opt/venv \
    && cd /opt/venv/lib/python3.*/site-packages \
    && echo /opt/slipway/include > slipway.pth \
    && printf '#!/opt/venv/bin/python\nfrom slipway.cli import main\n\nmain()\n' \
        > /opt/venv/bin/slipway \
    && chmod 755 /opt/venv/bin/slipway
COPY requirements/prune.py requirements/stages.txt /requirements/
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    pip --python /opt/venv/bin/python install --no-cache-dir --no-deps --only-binary :all: \
        --require-hashes -r /requirements/stages.txt \
    && python /requirements/prune.py /opt/venv/lib/python3.*/site-packages

FROM ${PYTHON_IMAGE} AS code
COPY LICENSE /opt/slipway/
COPY include /opt/slipway/include
# Recorded by training runs as the provenance of their code.
COPY requirements/stages.txt /opt/slipway/requirements/
COPY requirements/sbom/stages.cdx.json requirements/sbom/server.cdx.json \
    /opt/slipway/requirements/sbom/
# Compiled here, since the root file system of a container is read-only.
RUN python -m compileall -q /opt/slipway/include

FROM ${PYTHON_IMAGE} AS stages
# A tmpfs has the mode of the folder that it covers, and belongs to root.
RUN groupadd --gid 10001 slipway \
    && useradd --uid 10001 --gid 10001 --no-log-init --no-create-home --home-dir /tmp slipway \
    && mkdir -p /var/slipway/scratch \
    && chown -R 10001:10001 /var/slipway \
    && chmod 1777 /var/slipway/*
# The base has its standard library without bytecode: each start would compile it again.
RUN python -m compileall -q -x '/(site-packages|tests?|idle_test)/' \
    "$(python -c 'import os; print(os.path.dirname(os.__file__))')"
COPY --from=packages /opt/venv /opt/venv
COPY --from=code /opt/slipway /opt/slipway
ENV PATH=/opt/venv/bin:$PATH \
    HOME=/tmp \
    PYTHONUNBUFFERED=1 \
    SLIPWAY_SCRATCH=/var/slipway/scratch \
    DO_NOT_TRACK=1 \
    GX_ANALYTICS_ENABLED=false \
    MLFLOW_DISABLE_TELEMETRY=true \
    MPLBACKEND=Agg \
    ORT_DISABLE_TELEMETRY=1
ARG VERSION=0.1.0
ARG GIT_COMMIT=""
ARG SOURCE=""
ENV SLIPWAY_GIT_COMMIT=$GIT_COMMIT
LABEL org.opencontainers.image.title=slipway-stages \
    org.opencontainers.image.description="Runs one stage of a model's ring" \
    org.opencontainers.image.version=$VERSION \
    org.opencontainers.image.revision=$GIT_COMMIT \
    org.opencontainers.image.source=$SOURCE \
    org.opencontainers.image.licenses=Apache-2.0
WORKDIR /tmp
USER 10001:10001
ENTRYPOINT ["slipway"]
CMD ["--help"]
