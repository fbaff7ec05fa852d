# Two commands on a fresh machine: make run, make test. Needs Python 3.11+ and make.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
RUN := runs/first

.PHONY: run test test-fuzz test-long test-serving lint format bench clean

run: $(VENV)/.installed
	$(BIN)/python data_gen.py
	if [ -e $(RUN)/config.json ]; then $(BIN)/python train.py --resume --run $(RUN); \
	else $(BIN)/python train.py --epochs 3 --no-augment --run $(RUN); fi
	$(BIN)/python evaluate.py --model $(RUN)

# A file's tests stay in one process, so that what they share is made once; more than four need much memory.
test: lint
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

# Minutes of training, and the JAX backend: the marker "long" in pyproject.toml.
test-long: $(VENV)/.tested
	$(BIN)/pip install --quiet --editable '.[jax]'
	$(BIN)/python -m pytest -m long

# The exported model in TF Serving's own C++ loader, compiled against TensorFlow's headers; needs g++.
test-serving: $(VENV)/.tested
	$(BIN)/python -m pytest -m serving

# 100,000 requests built by structure, and damaged images by the ten thousand, against the server.
test-fuzz: $(VENV)/.tested
	$(BIN)/python -m pytest -m long tests/serving/test_fuzz.py tests/serving/test_fuzz_requests.py

lint: $(VENV)/.tested
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.tested
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.benched
	$(BIN)/python -m benchmarks.generation_speed
	$(BIN)/python -m benchmarks.pipeline_speed
	$(BIN)/python -m benchmarks.training_speed

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.installed: requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --requirement requirements.txt
	touch $@

$(VENV)/.tested: $(VENV)/.installed pyproject.toml
	$(BIN)/pip install --quiet --editable '.[test]'
	touch $@

$(VENV)/.benched: $(VENV)/.installed pyproject.toml
	$(BIN)/pip install --quiet --editable '.[bench]'
	touch $@
