# Everything stands on `make setup`: a virtual environment from the lock. No step needs root.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export OMP_WAIT_POLICY = passive
export DO_NOT_TRACK = 1
export PREFECT_SERVER_ANALYTICS_ENABLED = false
export RAY_USAGE_STATS_ENABLED = 0
export HF_HUB_DISABLE_TELEMETRY = 1

.PHONY: setup models demo weights test lint types unit slow faults fuzz bench clean

setup: $(VENV)/.ready

$(VENV)/.ready: requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c requirements.lock -e '.[dev]'
	touch $@

models: setup
	$(BIN)/emodiff models fetch

demo: setup
	$(BIN)/emodiff models fetch
	$(BIN)/emodiff run examples/demo.csv --root demo-out --batch demo

# From nothing to the built-in weights and their cards, in runs/weights: hours. PRESET=tiny FIGURES=quick shows all
# parts turn in minutes; ICT names ICT-FaceKit's head.npz, on which two thirds of the people are filmed.
PRESET ?= demo
FIGURES ?= full
weights: setup
	$(BIN)/emodiff models fetch
	$(BIN)/emodiff train generator --preset $(PRESET) --data runs/weights/pairs --out runs/weights/generator \
		--figures $(FIGURES) --baselines $(if $(ICT),--ict $(ICT))
	$(BIN)/emodiff train emotion --preset $(PRESET) --work runs/weights/emotion --out runs/weights/emotion/weights

lint: setup
	$(BIN)/ruff check .

types: setup
	$(BIN)/mypy

unit: setup
	$(BIN)/emodiff models fetch
	HF_HUB_OFFLINE=1 $(BIN)/pytest -m 'not slow' -n 2 --dist loadfile --no-loadscope-reorder

test: lint types unit

# What takes too long for each change: deployments on a real server, the same night on a disk and on S3, and the like.
slow: setup
	$(BIN)/emodiff models fetch
	HF_HUB_OFFLINE=1 $(BIN)/pytest -m slow --durations=10

# Some 500 nights in which everything is broken on purpose; the last line counts those that passed.
faults: setup
	$(BIN)/python -m tests.faults $(if $(SEEDS),--seeds $(SEEDS))

# Hostile bytes against every reader, for MINUTES.
MINUTES ?= 20
fuzz: setup
	$(BIN)/emodiff models fetch
	$(BIN)/python -m tests.fuzz --minutes $(MINUTES)

bench: setup
	$(BIN)/python -m tests.benchmarks

clean:
	rm -rf $(VENV) demo-out .pytest_cache .mypy_cache .ruff_cache
