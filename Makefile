PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: demo test lint bench bench-large schemas example clean

demo: $(VENV)/.demo
	@$(BIN)/calibgit demo

test: $(VENV)/.test
	@$(BIN)/python -m pytest -n auto -m "not slow"

lint: $(VENV)/.lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.test
	$(BIN)/python -m bench

# Half an hour: also 100,000 events, ten million rows, the seed's way, and Spark.
bench-large: $(VENV)/.test
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock -e '.[analysis,postgres,spark,test]'
	CALIBGIT_BENCH_LARGE=1 $(BIN)/python -m bench

schemas: $(VENV)/.test
	$(BIN)/python -m pytest -q tests/model/test_schemas.py --update-golden

$(VENV)/bin/python:
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: $(VENV)/bin/python pyproject.toml requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock -e '.[analysis]'
	@touch $@

$(VENV)/.test: $(VENV)/.demo
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock -e '.[analysis,postgres,test]'
	@touch $@

$(VENV)/.lint: $(VENV)/.test
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock -e '.[analysis,postgres,test,lint]'
	@touch $@

clean:
	rm -rf $(VENV) demo-world build dist *.egg-info

# The example that this repository ships: the proposal of the demo, with the config and settings behind it.
example: $(VENV)/.demo
	@rm -rf build/demo && $(BIN)/calibgit demo -o build/demo >/dev/null
	@rm -rf proposals/scoring && mkdir -p proposals
	@cp -r build/demo/bob/scoring/proposals/scoring proposals/ && rm -rf proposals/scoring/v1.2.0
	@cp build/demo/bob/scoring/calibgit.toml .
	@cp build/demo/bob/scoring/configs/scoring_config_v1.1.0.json build/demo/bob/scoring/configs/scoring_config.schema.json configs/
	@cp build/demo/bob/scoring/configs/contracts/runtime.schema.json configs/contracts/
	@sed 's#^home = .*#home = ["https://example.org/scoring.git"]#' build/demo/bob/scoring/trust.toml >trust.toml
