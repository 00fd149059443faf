# The MLflow server with its drivers for PostgreSQL and S3, without any code of Slipway.
#   docker build -f docker/mlflow.Dockerfile -t slipway-mlflow:0.1.0 .
# docs/guides/images.md describes digests, private indexes and labels.
ARG PYTHON_IMAGE=python:3.11.14-slim-bookworm@sha256:65a93d69fa75478d554f4ad27c85c1e69fa184956261b4301ebaf6dbb0a3543d

FROM ${PYTHON_IMAGE} AS packages
RUN python -m venv --without-pip /opt/venv
COPY requirements/prune.py requirements/mlflow.txt /requirements/
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    pip --python /opt/venv/bin/python install --no-cache-dir --no-deps --only-binary :all: \
        --require-hashes -r /requirements/mlflow.txt \
    && python /requirements/prune.py /opt/venv/lib/python3.*/site-packages

FROM ${PYTHON_IMAGE} AS mlflow
RUN groupadd --gid 10001 slipway \
    && useradd --uid 10001 --gid 10001 --no-log-init --no-create-home --home-dir /tmp slipway \
    && mkdir -p /var/lib/mlflow \
    && chown -R 10001:10001 /var/lib/mlflow
# The base has its standard library without bytecode: each start would compile it again.
RUN python -m compileall -q -x '/(site-packages|tests?|idle_test)/' \
    "$(python -c 'import os; print(os.path.dirname(os.__file__))')"
COPY --from=packages /opt/venv /opt/venv
COPY requirements/sbom/mlflow.cdx.json /opt/slipway/requirements/sbom/
ENV PATH=/opt/venv/bin:$PATH \
    HOME=/tmp \
    PYTHONUNBUFFERED=1 \
    MLFLOW_DISABLE_TELEMETRY=true \
    MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false \
    MPLBACKEND=Agg
ARG VERSION=0.1.0
ARG GIT_COMMIT=""
ARG SOURCE=""
LABEL org.opencontainers.image.title=slipway-mlflow \
    org.opencontainers.image.description="MLflow's tracking server and registry" \
    org.opencontainers.image.version=$VERSION \
    org.opencontainers.image.revision=$GIT_COMMIT \
    org.opencontainers.image.source=$SOURCE \
    org.opencontainers.image.licenses=Apache-2.0
WORKDIR /tmp
USER 10001:10001
EXPOSE 5000
ENTRYPOINT ["mlflow"]
CMD ["server", "--help"]
