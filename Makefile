# The commands a person types.
# Every target makes what it needs first; nothing is installed outside .venv.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

.PHONY: help demo install test soak compatibility kms-suite lint lock bench clean

help:
	@echo "make demo     install, then run it all here, with a file on its way there and back; Ctrl-C ends it"
	@echo "make test     check style, types and structure, then run every test"
	@echo "make soak     a thousand reloads, which must leave nothing behind; 300 random sequences of operations"
	@echo "make compatibility SUITE=PATH   the Ceph project's S3 suite, bare and through the proxy"
	@echo "make kms-suite SUITE=PATH       moto's tests of KMS, against the built-in key service"
	@echo "make lint     the checks alone"
	@echo "make install  make $(VENV) and install from requirements.lock"
	@echo "make lock     bring the requirements*.lock files up to date"
	@echo "make bench    measure beside nginx, rclone and the bare store; QUICK=1 for a smoke test"
	@echo "make clean    remove $(VENV) and caches"

install: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && \
	  $(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
	  { echo "Python 3.11 or later with venv is needed: apt-get install -y python3 python3-venv make"; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: install
	@$(BIN)/sealgate dev --demo

lint: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

# Two processes, as most tests wait for servers; a file's tests stay together, as they share such servers.
test: lint
	$(BIN)/pytest --numprocesses 2 --dist loadfile

soak: install
	SEALGATE_SOAK_RELOADS=1000 $(BIN)/pytest tests/processes/test_many_reloads.py
	SEALGATE_SOAK_SEQUENCES=300 $(BIN)/pytest tests/model

compatibility: install
	@$(BIN)/python -m tests.compatibility $(if $(SUITE),--suite $(SUITE))

kms-suite: install
	@$(BIN)/python -m tests.kms_suite $(if $(SUITE),--suite $(SUITE))

bench: install $(VENV)/.bench-installed
	$(BIN)/python -m benchmarks $(if $(QUICK),--quick)

$(VENV)/.bench-installed: requirements-bench.lock $(STAMP)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-bench.lock
	@touch $@

lock:
	@$(PYTHON) -m venv $(VENV) && $(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-emit-find-links --no-header --extra dev --extra pkcs11 --group test pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-emit-find-links --no-header --constraints requirements.lock --group bench \
	  -o requirements-bench.lock
	echo 'setuptools>=77' | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-emit-find-links --no-header --constraints requirements.lock --extra pkcs11 pyproject.toml - \
	  -o requirements-product.lock

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache build *.egg-info
