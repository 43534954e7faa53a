# Two commands do everything on a fresh machine: `make demo` and `make test`.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DOCS := .venv-docs
CORES ?= all
ANNOY := $(shell sed -n 's/^ *"\(annoy==[^"]*\)".*/\1/p' pyproject.toml)

# Not -march=native -ffast-math, Annoy's own default: an index or an environment that was made on
# one node must work on another, and with some compilers such an index returns wrong neighbours.
export ANNOY_COMPILER_ARGS := -O3,-std=c++14,-DANNOYLIB_MULTITHREADED_BUILD,-fpermissive

# Test files are shared out to worker processes, the longest first: one more than there are cores,
# as those that run jobs on a cluster wait for it.
WORKERS ?= --numprocesses $(shell $(PYTHON) -c 'import os; print(min(4, (os.cpu_count() or 1) + 1))')
PYTEST := $(BIN)/python -m pytest $(WORKERS) --dist loadscope --no-loadscope-reorder

.PHONY: help demo test quick check unit docs benchmark chaos gpu evidence generated clean

help:
	@echo "make demo       set up $(VENV), run the demo, show its summary"
	@echo "make test       set up $(VENV), run linters, type checks and all tests"
	@echo "make quick      the linters, type checks and tests of a minute: without Snakemake, and nothing slow"
	@echo "make docs       set up $(DOCS), build the pages of docs/ as a site: site/index.html"
	@echo "make benchmark  set up $(VENV), measure beside other libraries (under an hour): results/benchmark.md"
	@echo "                QUICK=1 checks results alone; DATA=folder takes photographs instead of made images"
	@echo "make chaos      the demo under random SIGKILLs, ROUNDS=20 SEED=0: results/chaos.md"
	@echo "make gpu        what needs a GPU to be known to work, with verdicts: results/gpu.md"
	@echo "make evidence   run the experiments that say whether it helps, for days: docs/evidence.md"
	@echo "make generated  write the schema, the reference of keys and envs/ anew"
	@echo "make clean      remove results/, site/, $(VENV) and $(DOCS)"

# Python and compiler are looked at first: pip's own messages come late and are long.
$(VENV)/installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; $(PYTHON) is $$($(PYTHON) --version). Try make PYTHON=python3.12 ..."; exit 1; }
	@command -v c++ >/dev/null || command -v g++ >/dev/null || \
	  { echo "A C++ compiler is needed to build Annoy (Debian: apt-get install g++)."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	# A wheel that was built with other compiler arguments may be in pip's cache.
	$(BIN)/python -m pip install --quiet --no-cache-dir --no-binary annoy "$(ANNOY)"
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/installed-test: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	touch $@

# The pages need nothing of the library, nor of the gigabytes that it needs.
$(DOCS)/installed: pyproject.toml
	$(PYTHON) -m venv $(DOCS)
	$(PYTHON) -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["docs"], sep="\n")' \
	  | xargs $(DOCS)/bin/python -m pip install --quiet
	touch $@

$(VENV)/installed-benchmark: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --editable '.[benchmark]'
	touch $@

demo: $(VENV)/installed
	$(BIN)/snakemake --cores $(CORES) results/demo/model.pt
	@$(BIN)/sjft summary results/demo/summary.json

# ruff is over at once. The other checks run beside the tests: the first time they take half a minute.
CHECKS := { $(BIN)/snakefmt --check Snakefile workflow/rules && $(BIN)/snakemake --lint && $(BIN)/mypy; }
define ruff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
endef
define beside_checks
	$(ruff)
	$(CHECKS) > $(VENV)/checks.txt 2>&1 & checks=$$!; \
	$(1); tests=$$?; \
	wait $$checks; checks=$$?; [ $$checks = 0 ] || cat $(VENV)/checks.txt; exit $$((tests + checks))
endef

test: $(VENV)/installed-test
	$(call beside_checks,$(PYTEST))

quick: $(VENV)/installed-test
	$(call beside_checks,$(PYTEST) -m "not workflow and not slow")

check: $(VENV)/installed-test
	$(ruff)
	$(CHECKS)

unit: $(VENV)/installed-test
	$(PYTEST)

# -W and -n: a link that leads nowhere and a page in no list end the build.
docs: $(DOCS)/installed
	$(DOCS)/bin/sphinx-build -W --keep-going -n -q -b html -c docs -d site/.doctrees . site
	@echo "The site begins with site/index.html"

benchmark: $(VENV)/installed-benchmark
	$(BIN)/python benchmarks/run_all.py $(if $(DATA),--data '$(DATA)') $(if $(QUICK),--quick)

chaos: $(VENV)/installed
	$(BIN)/python benchmarks/chaos.py --output results/chaos.md $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(SEED),--seed $(SEED))

gpu: $(VENV)/installed
	$(BIN)/python benchmarks/gpu.py --output results/gpu.md $(if $(DATA),--data '$(DATA)')

# Takes days, and goes on where it was: `make evidence DATA=folder HOURS=2` for a part.
evidence: $(VENV)/installed
	$(BIN)/python benchmarks/evidence.py $(if $(DATA),--data '$(DATA)') $(if $(HOURS),--hours $(HOURS)) $(if $(RENEW),--renew)

generated: $(VENV)/installed
	$(BIN)/python -m sjft.pipeline.generated

clean:
	rm -rf results/[!.]* .snakemake site $(VENV) $(DOCS)
