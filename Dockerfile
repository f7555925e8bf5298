# Three images from one file:  docker build --target server|client|load .
# Base: any official Python image, 3.11 or later, on Debian 13 or later (OpenSSL 3.5 is what brings X25519MLKEM768). A tag moves; where
# you deploy, pin what it points to today, as `docker buildx imagetools inspect python:3.13-slim-trixie` prints it:
#   --build-arg PYTHON=3.13-slim-trixie@sha256:...
ARG PYTHON=3.13-slim-trixie

# ---- what all images share: where Python looks, and a home that may be written ----
FROM python:${PYTHON} AS base
ENV PYTHONPATH=/app:/opt/packages PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 HOME=/tmp
WORKDIR /app

# ---- packages, hash-checked, as wheels: nothing is compiled, so no image ever holds a compiler ----
FROM base AS packages
ENV PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1
COPY requirements /requirements

FROM packages AS packages-server
RUN pip install --require-hashes --only-binary=:all: --target=/opt/packages -r /requirements/run.txt

FROM packages AS packages-client
RUN pip install --require-hashes --only-binary=:all: --target=/opt/packages -r /requirements/client.txt

FROM packages AS packages-load
RUN pip install --require-hashes --only-binary=:all: --target=/opt/packages -r /requirements/loadtest.txt \
    && rm -rf /opt/packages/gevent/tests # holds keys, if only for show

# ---- our code, readable for everybody whatever the umask of the checkout, compiled because the root will be read-only ----
FROM base AS code
COPY wire /code/wire
COPY certs /code/certs
COPY server /code/server
COPY client /code/client
COPY loadtest /code/loadtest
RUN chmod -R a+rX,go-w /code && python -m compileall -q /code

# ---- the images ----
FROM base AS load
# A new volume takes its owner from the folder that it is mounted on.
RUN install -d -o 10001 -g 10001 -m 0755 /results
COPY --from=packages-load /opt/packages /opt/packages
COPY --from=code /code/wire /app/wire
COPY --from=code /code/loadtest /app/loadtest
USER 10001:10001
EXPOSE 8089
CMD ["python", "-m", "locust", "-f", "loadtest/locustfile.py"]

FROM base AS client
# Where bots keep what they remember; a new volume takes its owner from the folder that it is mounted on.
RUN install -d -o 10001 -g 10001 -m 0700 /state
COPY --from=packages-client /opt/packages /opt/packages
COPY --from=code /code/wire /app/wire
COPY --from=code /code/client /app/client
ENV XDG_STATE_HOME=/state
USER 10001:10001
CMD ["python", "-m", "client"]

FROM base AS server
# A new volume takes its owner from the folder that it is mounted on.
RUN install -d -o 10001 -g 10001 -m 0700 /ca /certs /data && install -d -o 10001 -g 10001 -m 0755 /ca-public
COPY --from=packages-server /opt/packages /opt/packages
COPY --from=code /code/wire /app/wire
COPY --from=code /code/certs /app/certs
COPY --from=code /code/server /app/server
USER 10001:10001
EXPOSE 6697 12345
HEALTHCHECK --interval=10s --timeout=4s --start-period=20s --retries=3 \
    CMD ["python", "-m", "server.health", "--ca", "/certs/ca.pem"]
CMD ["python", "-m", "server", "--certs", "/certs", "--data", "/data", \
    "--listen", "0.0.0.0:6697", "--plain-listen", "0.0.0.0:12345"]
