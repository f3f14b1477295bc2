# One image for the service and for the administrators' scripts, and one for MinIO (--target minio).
# infra/README.md says how to build, pin and renew them. tests/infra runs the RUN steps of `build` and the result.

# Digests of the multi-architecture indexes. A digest names its bytes, so a pull brings these or fails.
ARG PYTHON=python:3.11.14-slim-bookworm@sha256:65a93d69fa75478d554f4ad27c85c1e69fa184956261b4301ebaf6dbb0a3543d
ARG GO=golang:1.25-bookworm@sha256:3b4a11519ad929d1e1d261a12cff056f0c85b735253d7d861346b9c6f8b36437

# MinIO publishes no images any more, so it is built from the very module that scripts/minio builds, which Go
# checks against its checksum database.
FROM ${GO} AS minio-build
ARG MINIO=github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c
ARG MC=github.com/minio/mc@v0.0.0-20250313080218-cf909e1063a9
ENV CGO_ENABLED=0 GOBIN=/out
RUN go install -trimpath -ldflags=-s ${MINIO} && go install -trimpath -ldflags=-s ${MC}

# Nothing but two programs that need no library; certificates, so that mc can copy to another site.
FROM scratch AS minio
COPY --from=minio-build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=minio-build /out/minio /out/mc /usr/bin/
# HOME: else both look for a user that nobody has. mc keeps what it needs in memory (compose.yaml mounts /tmp).
ENV HOME=/tmp MINIO_BROWSER=off MINIO_UPDATE=off MC_CONFIG_DIR=/tmp/mc MC_HOST_here=http://127.0.0.1:9000
USER 65532:65532
EXPOSE 9000
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s CMD ["/usr/bin/mc", "--quiet", "ready", "here"]
ENTRYPOINT ["/usr/bin/minio"]
CMD ["server", "/data"]

# uv and what it builds with stay behind in this stage.
FROM ${PYTHON} AS build
WORKDIR /src
ENV UV_PROJECT_ENVIRONMENT=/opt/escrow/.venv UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_NO_CACHE=1
RUN python3 -m venv /opt/uv && /opt/uv/bin/pip install --no-cache-dir --disable-pip-version-check uv==0.13.9
# Dependencies first: a change of the source does not fetch them again.
COPY pyproject.toml uv.lock ./
RUN /opt/uv/bin/uv sync --locked --no-dev --extra server --extra minio --no-install-project
COPY README.md LICENSE ./
COPY escrow escrow
# uv leaves a lock that anybody may write to.
RUN /opt/uv/bin/uv sync --locked --no-dev --extra server --extra minio --no-editable && rm /opt/escrow/.venv/.lock

FROM ${PYTHON} AS escrow
COPY --from=build /opt/escrow/.venv /opt/escrow/.venv
COPY scripts/in_venv.py scripts/release.py scripts/audit.py scripts/sweep.py /opt/escrow/scripts/
COPY infra/every.py /opt/escrow/infra/every.py
COPY infra/policies /opt/escrow/infra/policies
# The root is read-only (infra/compose.yaml), so nothing may be compiled at run time; logs come out at once; the user
# has no home.
ENV HOME=/tmp PATH=/opt/escrow/.venv/bin:/opt/escrow/scripts:/usr/local/bin:/usr/bin:/bin PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
WORKDIR /opt/escrow
# By number: an orchestrator can see that it is not root. Nobody on the host has it.
USER 65532:65532
EXPOSE 8321
# Whether the process lives, not whether storage does: a restart would mend no storage.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8321/healthz', timeout=4)"]
# escrow says "not ready" for drain_s, then finishes what is under way within grace_s.
STOPSIGNAL SIGTERM
CMD ["escrow", "serve", "/srv/service"]
