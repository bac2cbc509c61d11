# One image for the worker, Flower, the exporter, the sandbox and the command line.
FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore

# The base image holds Python's own modules uncompiled, which every start would do again.
# A new volume takes its owner from the folder in the image.
RUN python -m compileall -q -x /tests/ /usr/local/lib/python3.* \
 && groupadd --system --gid 10001 convertro \
 && useradd --system --uid 10001 --gid convertro --no-create-home convertro \
 && install --directory --owner=convertro /var/lib/convertro

RUN --mount=type=bind,source=requirements/worker.txt,target=/tmp/worker.txt \
    pip install --require-hashes -r /tmp/worker.txt

# Built where it is, and nothing of it is left but what is installed.
RUN --mount=type=bind,target=/src,rw \
    pip install --no-deps --no-build-isolation /src/client /src

USER convertro
STOPSIGNAL SIGTERM
CMD ["celery", "-A", "worker.app", "worker"]
