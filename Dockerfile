# One image for the worker, Flower, the exporter, the sandbox and the command line.
FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1

WORKDIR /app
COPY requirements/worker.txt requirements/worker.txt
RUN pip install --require-hashes -r requirements/worker.txt

COPY pyproject.toml README.md LICENSE ./
COPY client client
COPY config config
COPY tasks tasks
COPY worker worker
RUN pip install --no-deps --no-build-isolation ./client . \
 && useradd --system --uid 10001 --no-create-home convertro

USER convertro
STOPSIGNAL SIGTERM
CMD ["celery", "-A", "worker.app", "worker"]
