# The worker for RunPod Serverless. Build it for the platform that RunPod runs:
#
#   docker build --platform linux/amd64 --build-arg VARIANT=python -t NAME/flaky-worker:python .
#
# VARIANT  python | node | go | full: which languages the tests may be written in.
# BINARY   built: compile the program here. prebuilt: take `dist/flaky-worker` as it stands.
#
# Only the stages that a choice needs are built (BuildKit and buildah skip the others).
ARG VARIANT=python
ARG BINARY=built
ARG PYTHON=3.12
ARG NODE=22
ARG GO=1.25
ARG DEBIAN=bookworm

FROM docker.io/library/rust:1.95-${DEBIAN} AS binary-built
RUN apt-get update \
 && apt-get install -y --no-install-recommends pkg-config libssl-dev \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN cargo build --release --locked -p flaky-worker \
 && cp target/release/flaky-worker /flaky-worker

FROM scratch AS binary-prebuilt
COPY dist/flaky-worker /flaky-worker

FROM binary-${BINARY} AS binary

FROM docker.io/library/node:${NODE}-${DEBIAN}-slim AS node
FROM docker.io/library/golang:${GO}-${DEBIAN} AS go

FROM docker.io/library/python:${PYTHON}-slim-${DEBIAN} AS variant-python

FROM docker.io/library/debian:${DEBIAN}-slim AS variant-node
COPY --from=node /usr/local/bin /usr/local/bin
COPY --from=node /usr/local/lib/node_modules /usr/local/lib/node_modules

FROM docker.io/library/debian:${DEBIAN}-slim AS variant-go
COPY --from=go /usr/local/go /usr/local/go

FROM docker.io/library/python:${PYTHON}-slim-${DEBIAN} AS variant-full
COPY --from=node /usr/local/bin/node /usr/local/bin/node
COPY --from=node /usr/local/lib/node_modules /usr/local/lib/node_modules
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm \
 && ln -s ../lib/node_modules/npm/bin/npx-cli.js /usr/local/bin/npx
COPY --from=go /usr/local/go /usr/local/go

FROM variant-${VARIANT} AS worker

LABEL org.opencontainers.image.title="flaky-worker" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.description="Runs a test command many times and tells flaky tests from bugs, as a RunPod Serverless worker" \
      org.opencontainers.image.source="https://github.com/flaky-rs/flaky" \
      org.opencontainers.image.documentation="https://github.com/flaky-rs/flaky/blob/main/docs/deploy.md" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"

# git for suites and installers that call it (the worker itself does not), OpenSSL for the worker.
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates git libssl3 \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /usr/share/doc /usr/share/man \
 && groupadd --gid 10001 flaky-tests \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin flaky-tests \
 && install -d -m 0711 /var/lib/flaky /var/cache/flaky

COPY --from=binary /flaky-worker /usr/local/bin/flaky-worker

ENV PATH=/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    FLAKY_STATE_DIR=/var/lib/flaky \
    FLAKY_CACHE_DIR=/var/cache/flaky \
    FLAKY_TEST_USER=10001

# The bundled plugins, compiled to native code once for all workers.
RUN flaky-worker prepare

WORKDIR /var/lib/flaky

# The worker is root in its container so that it can give tests another user (10001) who can read nothing of it; nothing
# of a repository ever runs as root. Started as another user (`USER`, `--user`), it runs tests as that user and says so.
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=1 CMD ["flaky-worker", "health"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/local/bin/flaky-worker"]
