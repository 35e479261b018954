# The Locust master and its workers with their load engines, one image. Build it with `make images`.
ARG BASE_IMAGE=python:3.13-slim
FROM ${BASE_IMAGE}
LABEL org.iolab.project=io-lab
# Nothing in it may raise anybody's rights: no-new-privileges forbids it too, where it is asked for.
RUN find / -xdev -type f -perm /6000 -exec chmod a-s {} +
# All .pyc files are made here: the root is read-only later. HOME: the user has no entry in passwd.
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PYTHONSAFEPATH=1 PYTHONPATH=/app HOME=/tmp

# The libraries: from compose/wheels (`make wheels`) where they fit, else from the package index.
# The standard library, which they lie in, comes without .pyc files: each start would compile it anew.
RUN --mount=type=bind,source=requirements-locust.lock,target=/requirements.lock \
    --mount=type=bind,source=compose/wheels,target=/wheels \
    install="python -m pip install --quiet --disable-pip-version-check --root-user-action=ignore \
      --no-cache-dir --no-compile --require-hashes --requirement=/requirements.lock" \
    && { ls /wheels/*.whl >/dev/null 2>&1 && $install --no-index --find-links=/wheels || $install; } \
    && python -m compileall -q -j 0 --invalidation-mode=unchecked-hash \
      -x '/(tests?|idlelib|lib2to3|tkinter|turtledemo|ensurepip|pip)/' \
      "$(python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"

# The code last: a change of it rebuilds small layers. Of the lab, what the loadtests import.
COPY servers/__init__.py servers/catalog.py /app/servers/
COPY lab/__init__.py lab/courses.py lab/document.py lab/drivers.py lab/measure.py lab/metrics.py \
  lab/model.py lab/orders.py lab/record.py lab/shape.py lab/units.py /app/lab/
COPY lab/gates /app/lab/gates
COPY lab/stats/__init__.py lab/stats/drift.py lab/stats/values.py /app/lab/stats/
# loadtests brings the engine's hot loop if `make setup` has compiled it for the image's Python, as
# LAB_BASE_IMAGE's; else the engine runs in pure Python, and says so in each result.
COPY loadtests /app/loadtests
RUN python -m compileall -q --invalidation-mode=unchecked-hash /app

USER 65532:65532
WORKDIR /tmp
EXPOSE 8089 5557
ENTRYPOINT ["python", "-m", "locust", "--locustfile=/app/loadtests/locustfile.py"]
