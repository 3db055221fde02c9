PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: demo test lint bench schemas clean

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

schemas: $(VENV)/.test
	$(BIN)/python -m pytest -q tests/model/test_schemas.py --update-golden

$(VENV)/bin/python:
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: $(VENV)/bin/python pyproject.toml requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock -e '.[analysis]'
	@touch $@

$(VENV)/.test: $(VENV)/.demo
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock -e '.[analysis,test]'
	@touch $@

$(VENV)/.lint: $(VENV)/.test
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock -e '.[analysis,test,lint]'
	@touch $@

clean:
	rm -rf $(VENV) demo-world build dist *.egg-info
