# `make lab` opens the course, `make test` proves that it still runs. Each does all its set-up.
#
#   PYTHON=python3.12   the interpreter to build on (else the first that is 3.11 or newer)
#   VENV=.venv-3.12     the environment's folder, to keep several
#   UV=                 use venv and pip although uv is here
#   COURSE=my-course    the learner's copy that `make lab` opens
#   WORKERS=auto        processes that share the tests: two for each processor, at most 8; 0 for none
#   LAB_ARGS, TEST_ARGS handed on to `sockets-lab open` and to pytest
#
# Written for GNU Make 3.81 (macOS ships no newer one) and plain sh.

VENV   ?= .venv
COURSE ?= my-course
WORKERS ?= auto
UV     ?= $(shell command -v uv 2>/dev/null)
BIN    := $(VENV)/bin
STAMP  := $(VENV)/sockets-lab-installed
say    := printf '\n== %s\n'

# What the environment was built for. A moved folder, another PYTHON or an interpreter that is gone
# makes this line differ from the one written down, and the environment is built anew.
BUILD  := $(CURDIR) with $(if $(PYTHON),$(PYTHON),any Python)
NOTE   := $(VENV)/sockets-lab-built-for
BUILT  := $(shell "$(BIN)/python" -c 'import sys; assert sys.version_info >= (3, 11)' 2>/dev/null \
            && { cat "$(NOTE)" 2>/dev/null || echo "$(if $(PYTHON),,$(BUILD))"; })

# Candidates are run, not only looked up: version managers leave names on the PATH that do not work.
TRIED  := $(if $(PYTHON),$(PYTHON),python3.13 python3.12 python3.11 python3 python)
find_python = for name in $(TRIED); do \
	  python=$$($$name -c 'import sys; assert sys.version_info >= (3, 11); print(sys.executable)' \
	    2>/dev/null) && break; \
	done; \
	if [ -z "$$python" ]; then \
	  echo "no Python 3.11 or newer found (tried: $(TRIED))"; \
	  echo "install one, or name it: make $(MAKECMDGOALS) PYTHON=/path/to/python3.12"; \
	  exit 1; \
	fi

.PHONY: help lab test setup lock outputs data clean force
.DEFAULT_GOAL := help

help: ## list what can be made
	@sed -n 's/^\([a-z]*\):.*## /\1|/p' Makefile | while IFS='|' read -r name words; do \
	  printf '  make %-8s %s\n' "$$name" "$$words"; done

lab: setup ## open the course in JupyterLab, on a copy of your own in my-course/
	@$(say) "opening the course in $(COURSE)/ (stop it with Ctrl-C)"
	@"$(BIN)/sockets-lab" open "$(COURSE)" $(LAB_ARGS)

test: setup ## check style, types, the package and every notebook
	@$(say) "style: ruff"
	@"$(BIN)/ruff" check
	@"$(BIN)/ruff" format --check
	@$(say) "types: mypy --strict"
	@"$(BIN)/mypy"
	@$(say) "tests and notebooks: pytest"
	@"$(BIN)/python" -m pytest -n $(WORKERS) $(TEST_ARGS)

setup: $(STAMP) ## make .venv with the locked versions (lab and test do it themselves)

ifneq ($(BUILT),$(BUILD))
$(STAMP): force
endif

$(STAMP): requirements.lock pyproject.toml
	@set -e; \
	if [ "$(BUILT)" != "$(BUILD)" ]; then \
	  $(find_python); \
	  $(say) "making $(VENV) with $$("$$python" -V) ($$python)"; \
	  if [ -n "$(UV)" ]; then "$(UV)" venv -q --clear --python "$$python" "$(VENV)"; \
	  else "$$python" -m venv --clear "$(VENV)" || { \
	    echo "Debian and Ubuntu keep this apart: apt install python3-venv"; exit 1; }; fi; \
	  echo "$(BUILD)" > "$(NOTE)"; \
	fi; \
	if [ -n "$(UV)" ]; then \
	  $(say) "installing the locked versions with uv (seconds to a minute)"; \
	  install() { "$(UV)" pip install -q --python "$(BIN)/python" "$$@"; }; \
	else \
	  $(say) "installing the locked versions with pip (one to three minutes)"; \
	  "$(BIN)/python" -m pip -V >/dev/null 2>&1 || "$(BIN)/python" -m ensurepip >/dev/null; \
	  install() { "$(BIN)/python" -m pip install -q --disable-pip-version-check "$$@"; }; \
	fi; \
	install --no-deps --require-hashes -r requirements.lock; \
	install --no-deps --no-build-isolation -e .; \
	touch "$(STAMP)"

lock: ## write requirements.lock anew (LOCK_ARGS=--upgrade takes newer versions)
	@$(say) "resolving for every platform and Python from 3.11 on"
	@"$(if $(UV),$(UV),uv)" pip compile -q pyproject.toml --extra test --extra peers --universal \
	  --python-version 3.11 --fork-strategy fewest --generate-hashes --annotation-style line \
	  --no-header --no-emit-index-url --no-emit-find-links $(LOCK_ARGS) -o requirements.lock
	@{ echo "# The versions that make lab and make test install. Made by: make lock"; \
	  cat requirements.lock; } > requirements.lock.new && mv requirements.lock.new requirements.lock

outputs: setup ## run every notebook and save its outputs, cleaned
	@"$(BIN)/python" -m tools.write_navigation
	@"$(BIN)/python" -m tools.save_outputs

data: setup ## make the recorded data and pictures in data/ again
	@for maker in data/*/make.py; do \
	  $(say) "$$maker"; "$(BIN)/python" "$$maker" || exit 1; done

clean: ## take away what was built (never notebooks, never my-course/)
	rm -rf "$(VENV)" build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
