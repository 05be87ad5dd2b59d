# Two stages: the first has pip and the build backend, the second only the service. The digest pins the
# image, even if the tag moves: docs/decisions/0016-images-by-digest.md.

FROM python:3.13-slim@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
# The build backend and the runtime are separate, so that the image has no build tools.
RUN python -m venv /opt/build && python -m venv --without-pip /opt/venv
COPY requirements.lock deploy/build.lock ./
# Install only what the locks name: no dependency resolution and no source builds, since both would use
# the newest version of something. So no stage needs a compiler.
RUN /opt/build/bin/pip install --no-cache-dir --no-deps --require-hashes --only-binary :all: -r build.lock \
    && /opt/build/bin/pip check \
    && /opt/build/bin/pip --python /opt/venv/bin/python install \
        --no-cache-dir --no-compile --no-deps --require-hashes --only-binary :all: -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY app ./app
COPY sandbox ./sandbox
# Compile bytecode here, because the file system is read-only at run time. `unchecked-hash` because
# nobody edits a source file inside an image, and a time stamp would not survive every copy.
RUN /opt/build/bin/python -m hatchling build --target wheel \
    && /opt/build/bin/pip --python /opt/venv/bin/python install \
        --no-cache-dir --no-compile --no-index --no-deps dist/*.whl \
    && /opt/build/bin/pip --python /opt/venv/bin/python check \
    && /opt/venv/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/venv/lib

FROM python:3.13-slim@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b
LABEL org.opencontainers.image.title="altan-checkout" \
      org.opencontainers.image.description="Checkout for shops built on Altan: a cart becomes a Stripe payment page, and its payment is recorded." \
      org.opencontainers.image.licenses="MIT"
# Fixed ids, so that a host's folder or a Kubernetes volume can be owned by this user.
RUN groupadd --gid 10001 checkout \
    && useradd --uid 10001 --gid 10001 --no-log-init --no-create-home --home-dir /nonexistent \
        --shell /usr/sbin/nologin checkout \
    && install --directory --owner checkout --group checkout --mode 0700 /data
COPY --from=build /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOST=0.0.0.0 \
    PORT=8000 \
    DATABASE_URL=sqlite:////data/checkout.db
# With this working directory, the default database, data/checkout.db, is in the volume.
WORKDIR /
USER 10001:10001
VOLUME ["/data"]
EXPOSE 8000
STOPSIGNAL SIGTERM
# Uses http.client: the image has no curl, and the container's proxy settings must not apply.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-I", "-c", "import http.client, os, sys; c = http.client.HTTPConnection('127.0.0.1', int(os.environ['PORT']), timeout=4); c.request('GET', '/health/ready'); sys.exit(c.getresponse().status != 200)"]
ENTRYPOINT ["altan-checkout"]
CMD ["serve"]
