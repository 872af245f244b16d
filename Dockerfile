# Two stages: the first has pip and the build backend, the second only what runs.
# The layers go from what changes seldom to what changes often: a new release moves the last one.

FROM python:3.11-slim AS build
WORKDIR /build
RUN python -m venv --without-pip /relay
COPY requirements.txt .
RUN pip --python /relay/bin/python install --no-cache-dir --require-hashes --requirement requirements.txt
COPY LICENSE README.md pyproject.toml ./
COPY relay relay
RUN pip --python /relay/bin/python install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.11-slim
RUN useradd --system --uid 10001 --no-create-home relay
COPY --from=build /relay /relay
ENV PATH=/relay/bin:$PATH PYTHONUNBUFFERED=1 PORT=8000
USER 10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
  CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/healthz', timeout=2)"]
CMD ["relay", "serve"]
