# audiostyle: every command sets up what it needs first. `make help` lists them.
PY    ?= python3
VENV  ?= .venv
JOBS  ?= 2
BIN   := $(VENV)/bin
STAMP := $(VENV)/.installed
UV    := VIRTUAL_ENV=$(abspath $(VENV)) $(BIN)/uv pip install --quiet

# uv writes no bytecode by default, and where Python may not write any either every import of torch would stay slow.
export UV_COMPILE_BYTECODE := 1
export UV_HTTP_TIMEOUT ?= 300
export OMP_NUM_THREADS ?= $(JOBS)

.DEFAULT_GOAL := help
.PHONY: help install demo bench-app test bench fuzz matrix check docs sync notebooks clean-notebooks lock wheel hooks browser clean

help: ## list these commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

install: $(STAMP) ## virtual environment in .venv, exact versions from requirements.lock, audiostyle editable
$(STAMP): requirements.lock settings.ini setup.py
	@$(PY) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "audiostyle needs Python 3.11 or newer: make install PY=python3.11")'
	@test -x $(BIN)/python || { echo "creating $(VENV)"; $(PY) -m venv $(VENV); }
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv==0.13.8
	@echo "installing what requirements.lock names (first time: about 5 GB)"
	@$(UV) -r requirements.lock
	@$(UV) --no-deps --no-build-isolation -e .
	@touch $@

demo: install ## train a small converter on built-in voices, convert both ways, print the table
	@$(BIN)/audiostyle demo

bench-app: install ## convert sounds in the browser: record or drop, choose a voice, look, listen, save (ARGS=lab: in JupyterLab)
	@$(BIN)/python -c 'import sys; from audiostyle.studio.bench import serve; sys.exit(serve(*sys.argv[1:]))' $(ARGS)

test: install browser ## everything that is checked; ends with pytest's closing line (ARGS="-k waveform" selects)
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS) --dist loadgroup $(ARGS)

bench: install ## speed beside what others use, row by row (ARGS="1 3" selects, ARGS="--quick" only tries)
	@$(BIN)/python -m benchmarks $(ARGS)

fuzz: install ## 200000 mutants of every file that is read (ARGS="--mutants 5000 --kinds wav" selects)
	@$(BIN)/python benchmarks/fuzz.py --jobs $(JOBS) $(ARGS)

matrix: install ## the wheel in environments of its own: bare, with extras, oldest, newest; downloads some GB (ARGS=oldest selects)
	@$(BIN)/python tools/matrix.py $(ARGS)

check: install ## the quick part: order, notebooks, package, tests and README in step, limits
	@$(BIN)/python tools/notebooks.py check

docs: install ## the documentation site, in _docs
	@$(BIN)/python tools/docs.py

sync: install ## write the package, the generated tests and README.md from the notebooks
	@$(BIN)/python tools/notebooks.py sync

notebooks: install ## execute the notebooks whose sources have changed, in place
	@$(BIN)/python tools/notebooks.py run --stale -j $(JOBS)

clean-notebooks: install ## drop counts and volatile metadata from notebooks; tags and outputs stay
	@$(BIN)/python tools/notebooks.py clean

lock: install ## resolve requirements.in again; names and versions only
	@$(BIN)/uv pip compile --quiet --no-header --no-annotate --python-version 3.11.7 requirements.in -o requirements.lock

wheel: install ## source archive and wheel, in dist
	@$(BIN)/python -m build --no-isolation --outdir dist

hooks: install ## let git clean notebooks as they are added, and check before a commit
	@git config --local include.path ../.gitconfig && echo "undo: git config --local --unset include.path"

browser: install
	@echo "browser: $$($(BIN)/python tools/browser.py)"

clean: ## remove what was built; keep the environment, corpora and trained models
	@rm -rf build dist _docs _proc .pytest_cache audiostyle.egg-info
