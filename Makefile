# Everything a fresh machine needs: Python 3.11-3.13 with venv, and make. POSIX sh, GNU make 4.

SHELL = /bin/sh
.DEFAULT_GOAL := help
.SUFFIXES:

VENV := .venv
PYTHON ?=
VOLUME ?=
SPACING ?=
PHASES ?=
MATERIALS ?=
OUTPUT ?= demo
export PYTHON VOLUME SPACING PHASES MATERIALS OUTPUT

# one Taichi thread per test worker, and a compile cache that stays in the checkout
WORKERS := -n 2 --dist loadfile

.PHONY: help demo test slow lint pins bench bench-all clean

help:  ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /make \1\t/p' Makefile | expand -t 16
	@echo
	@echo 'make demo VOLUME=cathode.tif SPACING=398e-9 PHASES="0=pore,1=NMC,2=CBD"'
	@echo '          [MATERIALS="pore=LP30,NMC=NMC532,CBD=CBD"] [OUTPUT=folder]'
	@echo 'PYTHON=/path/to/python3.12 chooses the Python of a new .venv'

demo: .checked $(VENV)/.installed  ## analyse the sample electrode, or VOLUME=...
	@if [ -n "$$VOLUME" ]; then \
	  set -- analyze "$$VOLUME" -o "$$OUTPUT" --spacing "$$SPACING"; \
	  if [ -n "$$PHASES" ]; then set -- "$$@" --phases "$$PHASES"; fi; \
	  if [ -n "$$MATERIALS" ]; then set -- "$$@" --materials "$$MATERIALS"; fi; \
	else set -- demo -o "$$OUTPUT"; fi; \
	$(VENV)/bin/twin "$$@"
	@case "$$OUTPUT" in /*) at="$$OUTPUT";; *) at="$$PWD/$$OUTPUT";; esac; \
	echo; echo "The report is $$at/report.html"

.PHONY: .checked
.checked:
	@if [ -n "$$VOLUME" ] && [ -z "$$SPACING" ]; then \
	  echo 'How large is a voxel? Give its edge in metres:' >&2; \
	  case "$$VOLUME" in *' '*) VOLUME="\"$$VOLUME\"";; esac; \
	  echo "make demo VOLUME=$$VOLUME SPACING=398e-9 PHASES=\"$${PHASES:-0=pore,1=NMC,2=CBD}\"" >&2; \
	  exit 2; fi

test: $(VENV)/.installed-test lint  ## format check, lint, types and the default tests
	$(VENV)/bin/python -m pytest $(WORKERS) -m "not slow and not gpu"

slow: $(VENV)/.installed-test  ## the tests that take longer than five seconds
	$(VENV)/bin/python -m pytest $(WORKERS) -m "slow and not gpu" || [ $$? -eq 5 ]

lint: $(VENV)/.installed-test  ## format check, lint and types
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy

pins:  ## write constraints.txt anew; needs uv
	uv pip compile --quiet --universal --upgrade --no-header --no-annotate --python-version 3.11 \
	  --all-extras pyproject.toml -o constraints.txt

bench: $(VENV)/.installed  ## record the validation figures and write their pages
	$(VENV)/bin/python benchmarks/validation.py
	$(VENV)/bin/python benchmarks/sample_vs_real.py
	$(VENV)/bin/python benchmarks/error_estimate.py
	$(VENV)/bin/python benchmarks/pages.py

bench-all: bench  ## the long series too: packings, percolation, calendering (over an hour)
	$(VENV)/bin/python benchmarks/cells.py
	$(VENV)/bin/python benchmarks/packings.py
	$(VENV)/bin/python benchmarks/percolation.py
	$(VENV)/bin/python benchmarks/calendering.py
	$(VENV)/bin/python benchmarks/calendering_pictures.py
	$(VENV)/bin/python benchmarks/pages.py

clean:  ## remove what make created, except reports
	rm -rf $(VENV) .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# ---- the environment; it is made anew when what to install has changed ----

$(VENV)/.installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo 'Installing the pinned dependencies into $(VENV) (once, a few minutes)'
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/.installed-test: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo 'Installing the pinned dependencies and test tools into $(VENV) (once, a few minutes)'
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[cell,optimize,parquet,test]'
	@touch $@ $(VENV)/.installed

$(VENV)/bin/python:
	@set -- python3.13 python3.12 python3.11 python3; [ -z "$$PYTHON" ] || set -- "$$PYTHON"; \
	for python in "$$@" ''; do \
	  [ -n "$$python" ] || break; \
	  "$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	    2>/dev/null && break; done; \
	if [ -z "$$python" ]; then \
	  echo "There is no Python 3.11, 3.12 or 3.13 here (looked for: $$*)." >&2; \
	  echo 'Install one (Debian, Ubuntu: apt install python3 python3-venv), or name it: make demo PYTHON=/path/to/python3.12' >&2; \
	  exit 2; fi; \
	if ! "$$python" -c 'import venv, ensurepip' 2>/dev/null; then \
	  echo "$$python cannot make virtual environments: apt install python3-venv" >&2; \
	  exit 2; fi; \
	echo "Creating $(VENV) with $$("$$python" --version)"; \
	"$$python" -m venv $(VENV) || { rm -rf $(VENV); exit 2; }
