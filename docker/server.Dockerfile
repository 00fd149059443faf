# Serving: one model version per container (target `server`, the default), the shipper of its
# prediction log (target `shipper`), or both under the platform of one machine (target `platform`).
#   docker build -f docker/server.Dockerfile -t slipway-server:0.1.0 .
#   docker build -f docker/server.Dockerfile --target shipper -t slipway-shipper:0.1.0 .
# docs/guides/images.md describes digests, private indexes and labels.
ARG PYTHON_IMAGE=python:3.11.14-slim-bookworm@sha256:65a93d69fa75478d554f4ad27c85c1e69fa184956261b4301ebaf6dbb0a3543d

FROM ${PYTHON_IMAGE} AS tools
RUN python -m venv --without-pip /opt/venv \
    && cd /opt/venv/lib/python3.*/site-packages \
    && echo /opt/slipway/include > slipway.pth \
    && printf '#!/opt/venv/bin/python\nfrom slipway.cli import main\n\nmain()\n' \
        > /opt/venv/bin/slipway \
    && chmod 755 /opt/venv/bin/slipway
COPY requirements/prune.py /requirements/

FROM tools AS server-packages
COPY requirements/server.txt /requirements/
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    pip --python /opt/venv/bin/python install --no-cache-dir --no-deps --only-binary :all: \
        --require-hashes -r /requirements/server.txt \
    && python /requirements/prune.py /opt/venv/lib/python3.*/site-packages

FROM tools AS shipper-packages
COPY requirements/shipper.txt /requirements/
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    pip --python /opt/venv/bin/python install --no-cache-dir --no-deps --only-binary :all: \
        --require-hashes -r /requirements/shipper.txt \
    && python /requirements/prune.py /opt/venv/lib/python3.*/site-packages

FROM server-packages AS platform-packages
COPY requirements/shipper.txt /requirements/
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    pip --python /opt/venv/bin/python install --no-cache-dir --no-deps --only-binary :all: \
        --require-hashes -r /requirements/shipper.txt \
    && python /requirements/prune.py /opt/venv/lib/python3.*/site-packages

FROM ${PYTHON_IMAGE} AS code
COPY LICENSE /opt/slipway/
COPY include/slipway /opt/slipway/include/slipway
# Compiled here, since the root file system of a container is read-only.
RUN python -m compileall -q /opt/slipway/include

FROM ${PYTHON_IMAGE} AS base
# A tmpfs has the mode of the folder that it covers, and belongs to root.
RUN groupadd --gid 10001 slipway \
    && useradd --uid 10001 --gid 10001 --no-log-init --no-create-home --home-dir /tmp slipway \
    && mkdir -p /var/slipway/model /var/slipway/scratch \
    && chown -R 10001:10001 /var/slipway \
    && chmod 1777 /var/slipway/*
# The base has its standard library without bytecode: each start would compile it again.
RUN python -m compileall -q -x '/(site-packages|tests?|idle_test)/' \
    "$(python -c 'import os; print(os.path.dirname(os.__file__))')"
COPY --from=code /opt/slipway /opt/slipway
ENV PATH=/opt/venv/bin:$PATH \
    HOME=/tmp \
    PYTHONUNBUFFERED=1 \
    SLIPWAY_SCRATCH=/var/slipway/scratch
ARG VERSION=0.1.0
ARG GIT_COMMIT=""
ARG SOURCE=""
LABEL org.opencontainers.image.version=$VERSION \
    org.opencontainers.image.revision=$GIT_COMMIT \
    org.opencontainers.image.source=$SOURCE \
    org.opencontainers.image.licenses=Apache-2.0
WORKDIR /tmp
USER 10001:10001
ENTRYPOINT ["slipway"]
CMD ["--help"]

FROM base AS shipper
LABEL org.opencontainers.image.title=slipway-shipper \
    org.opencontainers.image.description="Ships a model server's prediction log"
COPY --from=shipper-packages /opt/venv /opt/venv
COPY requirements/sbom/shipper.cdx.json /opt/slipway/requirements/sbom/
CMD ["ship"]

FROM base AS platform
LABEL org.opencontainers.image.title=slipway-platform \
    org.opencontainers.image.description="Serves models on one machine and routes among versions"
COPY --from=platform-packages /opt/venv /opt/venv
COPY requirements/sbom/server.cdx.json requirements/sbom/shipper.cdx.json \
    /opt/slipway/requirements/sbom/
ENV OMP_NUM_THREADS=1 \
    OPENBLAS_NUM_THREADS=1 \
    ORT_DISABLE_TELEMETRY=1
EXPOSE 8600
CMD ["platform", "--host", "0.0.0.0", "--port", "8600"]

FROM base AS server
LABEL org.opencontainers.image.title=slipway-server \
    org.opencontainers.image.description="Serves one model version over the Open Inference Protocol"
COPY --from=server-packages /opt/venv /opt/venv
COPY requirements/sbom/server.cdx.json /opt/slipway/requirements/sbom/
# One row is too little work for several threads, and idle ones spin.
ENV OMP_NUM_THREADS=1 \
    OPENBLAS_NUM_THREADS=1 \
    ORT_DISABLE_TELEMETRY=1
EXPOSE 8080
CMD ["serve", "--help"]
