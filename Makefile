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
TEST_STAMP := $(VENV)/sockets-lab-tests-installed
hash   := \#
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

lab: setup ## open the course in JupyterLab, on your copy in my-course/
	@$(say) "opening the course in $(COURSE)/ (stop it with Ctrl-C)"
	@"$(BIN)/sockets-lab" open "$(COURSE)" $(LAB_ARGS)

test: $(TEST_STAMP) ## check style, types, the package and every notebook
	@$(say) "style: ruff"
	@"$(BIN)/ruff" check
	@"$(BIN)/ruff" format --check
	@$(say) "types: mypy --strict"
	@"$(BIN)/mypy"
# xdist fails itself when it replaces a process that crashed: go on without it.
	@$(say) "tests and notebooks: pytest"
	@"$(BIN)/python" -m pytest -n $(WORKERS) --max-worker-restart 0 $(TEST_ARGS)

setup: $(STAMP) ## make .venv with what make lab needs (lab and test do it themselves)

ifneq ($(BUILT),$(BUILD))
$(STAMP): force
endif

# `find_install` defines install(): what it is given is installed with uv, else with pip.
find_install = if [ -n "$(UV)" ]; then \
	  how="uv (seconds to a minute)"; \
	  install() { "$(UV)" pip install -q --python "$(BIN)/python" "$$@"; }; \
	else \
	  how="pip (one to three minutes)"; \
	  "$(BIN)/python" -m pip -V >/dev/null 2>&1 || "$(BIN)/python" -m ensurepip >/dev/null; \
	  install() { "$(BIN)/python" -m pip install -q --disable-pip-version-check "$$@"; }; \
	fi

$(STAMP): requirements.lock pyproject.toml
	@set -e; \
	if [ "$(BUILT)" != "$(BUILD)" ]; then \
	  $(find_python); \
	  $(say) "making $(VENV) with $$("$$python" -V) ($$python)"; \
	  if [ -n "$(UV)" ]; then "$(UV)" venv -q --clear --python "$$python" "$(VENV)"; \
	  else "$$python" -m venv --clear "$(VENV)" || { \
	    echo "Debian and Ubuntu have this in another package: apt install python3-venv"; exit 1; }; \
	  fi; \
	  echo "$(BUILD)" > "$(NOTE)"; \
	fi; \
	$(find_install); \
	$(say) "installing what the course needs with $$how"; \
	install --no-deps --require-hashes -r requirements.lock; \
	install --no-deps --no-build-isolation -e .; \
	touch "$(STAMP)"

# After $(STAMP), also when that was written anew: a new environment has no tests' packages.
$(TEST_STAMP): $(STAMP) requirements-test.lock
	@set -e; \
	$(find_install); \
	$(say) "adding what the tests need with $$how"; \
	install --no-deps --require-hashes -r requirements-test.lock; \
	touch "$(TEST_STAMP)"

# The second lock holds what the first does not: it is resolved with the first as constraint.
lock: ## write both locks anew (LOCK_ARGS=--upgrade takes newer versions)
	@$(say) "resolving for every platform and Python from 3.11 on"
	@$(compile) --extra build $(LOCK_ARGS) -o requirements.lock
	@$(call head,requirements.lock,make lab installs)
	@$(compile) --all-extras -c requirements.lock $(LOCK_ARGS) -o requirements-test.lock \
	  $$(sed -n 's/^\([a-z0-9._-]*\)==.*/--no-emit-package \1/p' requirements.lock)
	@$(call head,requirements-test.lock,make test adds)

compile = "$(if $(UV),$(UV),uv)" pip compile -q pyproject.toml --universal --python-version 3.11 \
	  --fork-strategy fewest --generate-hashes --annotation-style line --no-header \
	  --no-emit-index-url --no-emit-find-links
head = { echo "$(hash) The versions that $(2). Made by: make lock"; cat $(1); } > $(1).new && mv $(1).new $(1)

outputs: $(TEST_STAMP) ## run every notebook and save its outputs, cleaned
	@"$(BIN)/python" -m tools.write_navigation
	@"$(BIN)/python" -m tools.save_outputs

data: $(TEST_STAMP) ## make the recorded data and pictures in data/ again
	@for maker in data/*/make.py; do \
	  $(say) "$$maker"; "$(BIN)/python" "$$maker" || exit 1; done

clean: ## remove what was built (never notebooks, never my-course/)
	rm -rf "$(VENV)" build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
