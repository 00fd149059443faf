# Airflow's components: api-server, scheduler, triggerer, DAG processor.
#   docker build -f docker/airflow.Dockerfile -t slipway-airflow \
#       --build-arg GIT_COMMIT="$(git rev-parse HEAD)" .
# RUNTIME=kubernetes leaves the ML libraries out, for installations whose stages run in pods.
FROM python:3.11.14-slim-bookworm AS build
ARG RUNTIME=local
RUN python -m venv /opt/venv
COPY requirements/airflow.txt requirements/stages.txt /requirements/
RUN /opt/venv/bin/pip install --no-cache-dir --no-deps --require-hashes \
        -r /requirements/airflow.txt \
    && if [ "$RUNTIME" = local ]; then \
        /opt/venv/bin/pip install --no-cache-dir --no-deps --require-hashes \
            -r /requirements/stages.txt; \
    fi
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
COPY airflow_settings.yaml /opt/slipway/
COPY dags /opt/slipway/dags
COPY plugins /opt/slipway/plugins
# What a training run says about the code it ran on.
COPY requirements/stages.txt /opt/slipway/requirements/
COPY include /opt/slipway/include
ARG GIT_COMMIT=""
ENV SLIPWAY_GIT_COMMIT=$GIT_COMMIT
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    AIRFLOW_HOME=/home/slipway/airflow \
    AIRFLOW__CORE__DAGS_FOLDER=/opt/slipway/dags \
    AIRFLOW__CORE__PLUGINS_FOLDER=/opt/slipway/plugins \
    AIRFLOW__CORE__LOAD_EXAMPLES=False \
    GX_ANALYTICS_ENABLED=false \
    MLFLOW_DISABLE_TELEMETRY=true
WORKDIR /home/slipway
USER 10001
ENTRYPOINT ["airflow"]
CMD ["version"]
