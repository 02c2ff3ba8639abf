# The service in a container: built in one stage, run in another that has neither pip's cache nor build tools.
# Its root file system may be read-only: state, sockets and the audit file belong on volumes.

FROM python:3.11-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/sealgate
WORKDIR /src
# What the product needs, by hash, before its own code: this layer stays while the code changes.
COPY requirements-product.lock ./
RUN /opt/sealgate/bin/pip install --require-hashes --only-binary :all: -r requirements-product.lock
COPY pyproject.toml README.md ./
COPY proxy ./proxy
COPY recovery ./recovery
# What builds it came with the lock, and nothing of it is needed later.
RUN /opt/sealgate/bin/pip install --no-deps --no-build-isolation . \
 && /opt/sealgate/bin/pip uninstall --yes setuptools pip

FROM python:3.11-slim-bookworm
# Nothing is written where the program lies, and output is not held back.
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PATH=/opt/sealgate/bin:$PATH SEALGATE_CONFIG=/etc/sealgate/config.yaml
RUN groupadd --gid 10001 sealgate \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/sealgate --shell /usr/sbin/nologin sealgate \
 && install -d -o sealgate -g sealgate -m 0700 /var/lib/sealgate /run/sealgate \
 && install -d -m 0755 /etc/sealgate
COPY --from=build /opt/sealgate /opt/sealgate
USER 10001:10001
WORKDIR /var/lib/sealgate
VOLUME ["/var/lib/sealgate"]
# S3 clients. The admin port, 9090, is for the container's own health check, or a private network.
EXPOSE 8080 9090
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9090/livez', timeout=2)"]
ENTRYPOINT ["sealgate"]
CMD ["serve"]
