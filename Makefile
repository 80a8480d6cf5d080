# The commands of every day. `make` alone lists them.
# Each target installs what it needs into .venv, once; constraints.txt or pyproject.toml changed means once more.

PYTHON ?= python3
VENV ?= .venv
ARGS ?=
SLICE ?= 3s

BIN = $(VENV)/bin
# One thread a process: two were slower for models of this size, and jobs run side by side instead.
RUN = OMP_NUM_THREADS=1 $(BIN)/python

# One preset a published row, under both splits, over five split seeds, one job a core.
PAPER = paper_lstm_3s,paper_lstm_6s,paper_lstm_9s,paper_tuned_lstm_3s,paper_tuned_lstm_6s,paper_tuned_lstm_9s
REPLICATION = replication_mlp_3s,replication_mlp_30s,replication_lstm_3s,replication_lstm_6s,replication_lstm_9s
RANKINGS = variants_lstm_mfcc,variants_reslstm_mfcc,variants_convlstm_mfcc
CLAIM_SWEEP = $(RUN) train.py -m hydra/launcher=joblib split=leaky,grouped split.seed=0,1,2,3,4 'seed=$${split.seed}' \
	trainer.progress=false

.PHONY: help demo data test train sweep replicate lint bench tensorboard clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile
	@echo '  ARGS="..." passes arguments on: make train ARGS="model=lstm slice=6s split=grouped"'

demo: $(VENV)/installed ## the main job on the embedded synthetic corpus: no data needed
	$(RUN) train.py data=synthetic model=lstm slice=6s split=grouped $(ARGS)

data: $(VENV)/installed ## GTZAN into data/gtzan; an archive at hand: make data ARGS=genres.tar.gz
	$(BIN)/gtzan data get $(ARGS)

test: $(VENV)/installed-dev ## the tests; those on real data run where GTZAN_ROOT is set
	$(RUN) -m pytest -n 2 $(ARGS)

train: $(VENV)/installed ## one run: make train ARGS="model=lstm slice=6s split=grouped"
	$(RUN) train.py $(ARGS)

sweep: $(VENV)/installed ## every combination: make sweep ARGS="model=mlp,lstm split=leaky,grouped"
	$(RUN) train.py -m $(ARGS)

replicate: $(VENV)/installed ## published scores put to the test; wants GTZAN's tables in GTZAN_ROOT, and the clips: AUDIO=/music
	$(CLAIM_SWEEP) experiment=$(PAPER),$(REPLICATION) $(ARGS)
ifdef AUDIO
	$(CLAIM_SWEEP) experiment=$(RANKINGS) data.root=$(AUDIO) slice=$(SLICE) $(ARGS)
else
	@echo "The ranking of LSTM, ResLSTM and ConvLSTM on MFCC needs the clips: make replicate AUDIO=FOLDER (of short excerpts also SLICE=2s)"
endif

lint: $(VENV)/installed-dev ## style, format and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

bench: $(VENV)/installed-dev ## speed of features and predictions beside librosa, then scikit-learn's scores; ARGS is for those
	$(RUN) benchmarks/bench_features.py
	$(RUN) benchmarks/bench_loop.py
	$(RUN) benchmarks/bench_predict.py
	$(RUN) benchmarks/bench_report.py
	$(RUN) benchmarks/bench_startup.py
	$(RUN) benchmarks/baselines.py $(ARGS)

tensorboard: $(VENV)/installed ## curves, figures and hyperparameters of all runs
	$(BIN)/tensorboard --logdir outputs/runs $(ARGS)

clean: ## removes .venv and caches; keeps outputs/ and data/
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
		{ echo "$(PYTHON) is missing or older than 3.10: make PYTHON=python3.11 ..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(VENV)/installed: $(BIN)/python pyproject.toml constraints.txt
	@echo "Installing into $(VENV): PyTorch is large, this takes a minute or two."
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[joblib]'
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@
