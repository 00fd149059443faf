# One model version per container, over the Open Inference Protocol.
#   docker build -f docker/server.Dockerfile -t slipway-server .
#   docker run -p 8080:8080 … slipway-server <model> --version 3 --host 0.0.0.0 --port 8080
FROM python:3.11.14-slim-bookworm AS build
RUN python -m venv /opt/venv
COPY requirements/server.txt /requirements/
RUN /opt/venv/bin/pip install --no-cache-dir --no-deps --require-hashes \
        -r /requirements/server.txt
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
COPY include /opt/slipway/include
# One row is too little work to share among threads; those that wait for more of it spin.
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    OMP_NUM_THREADS=1 \
    OPENBLAS_NUM_THREADS=1 \
    SLIPWAY_SCRATCH=/home/slipway/scratch \
    MLFLOW_DISABLE_TELEMETRY=true
WORKDIR /home/slipway
USER 10001
EXPOSE 8080
ENTRYPOINT ["slipway", "serve"]
