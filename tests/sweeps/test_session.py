"""Multiruns: a run folder and a row for each job, reuse of finished runs, and failed jobs."""

import json
from pathlib import Path

FAST = ("debug=fast", "trainer.progress=false")


def rows(ended):
    """Lines of the table of all jobs that name one."""
    table = ended.out.rpartition("jobs, test accuracy")[2].partition("Run folders:")[0].split("───")[-1]
    return [line.split() for line in table.splitlines()[1:] if line.startswith(" ") and line.strip()]


def test_each_combination_has_its_own_folder_and_a_row_in_the_table(command, tables_root):
    ended = command("-m", f"data.root={tables_root}", *FAST, "model=mlp,lstm", "split=leaky,grouped")
    assert ended.status == 0
    cards = ended.cards()
    assert len(cards) == 4
    assert {(card["model"]["name"], card["split"]["name"]) for card in cards.values()} == {
        (model, split) for model in ("MLP", "BiLSTM") for split in ("leaky", "grouped")
    }
    assert {card["status"] for card in cards.values()} == {"done"}
    assert all(name == card["run_id"] for name, card in cards.items())
    assert "4 jobs, test accuracy" in ended.out
    assert [row[:2] for row in rows(ended)] == [
        [model, split] for model in ("mlp", "lstm") for split in ("leaky", "grouped")
    ]
    assert "LEAKY SPLIT" in ended.out
    for card in cards.values():
        assert f"{card['metrics']['test']['clip']['accuracy']:.3f}" in ended.out


def test_a_second_call_and_a_larger_one_reuse_what_is_finished(command, tables_root):
    sweep = ("-m", f"data.root={tables_root}", *FAST)
    first = command(*sweep, "model=mlp,lstm")
    times = {path: path.stat().st_mtime_ns for path in Path("outputs/runs").glob("*/*")}
    second = command(*sweep, "model=lstm,mlp")
    assert second.status == 0
    assert second.out.count(": finished before") == 2
    assert second.cards() == first.cards()
    third = command(*sweep, "model=mlp,lstm,reslstm")
    assert third.out.count(": finished before") == 2
    assert len(third.cards()) == 3
    assert {path: path.stat().st_mtime_ns for path in times} == times


def test_a_single_run_finds_what_a_sweep_has_finished(command, tables_root):
    command("-m", f"data.root={tables_root}", *FAST, "seed=3,4")
    assert "Finished before" in command(f"data.root={tables_root}", *FAST, "seed=4").out


def test_a_reused_run_has_the_overrides_of_this_sweep_in_the_table(command, tables_root):
    command(f"data.root={tables_root}", *FAST, "split.seed=1", "slice.seconds=3")
    ended = command("-m", f"data.root={tables_root}", *FAST, "split.seed=1,2")
    assert ended.out.count(": finished before") == 1
    assert [row[0] for row in rows(ended)][:2] == ["seed=1", "seed=2"]
    assert "2 runs, 1 configuration, test accuracy" in ended.out  # one experiment, repeated


def test_a_reused_run_belongs_to_the_study_of_this_sweep(command, tables_root):
    command(f"data.root={tables_root}", *FAST)
    study = "study={_target_: gtzan_lightning.studies.claims.PublishedClaims, claim: a row, level: clip, accuracy: 0.5}"
    ended = command("-m", f"data.root={tables_root}", *FAST, "split=grouped", study)
    assert ended.out.count(": finished before") == 1
    assert "a row" in ended.out.partition("Claimed and measured")[2]


def test_ablations_are_compared_with_the_same_split_without_any(command, tables_root):
    chosen = ("ablation=none,epoch,scaling", "split=grouped", "split.seed=0,1")
    ended = command("-m", "experiment=ablation", f"data.root={tables_root}", *FAST, *chosen)
    assert ended.status == 0, ended.err
    cards = ended.cards().values()
    assert len(cards) == 6
    by_name = {}
    for card in cards:
        name = next(word for word in card["overrides"] if word.startswith("ablation=")).partition("=")[2]
        by_name.setdefault(name, {})[card["split"]["seed"]] = card["metrics"]["test"]["clip"]["accuracy"]
    change = sum(by_name["epoch"][seed] - by_name["none"][seed] for seed in (0, 1)) / 2
    (line,) = (
        line
        for line in Path(next(Path("outputs").rglob("ablation.md"))).read_text().partition("clip")[2].splitlines()
        if line.startswith("| model selection on the test set instead of validation |")
    )
    assert f"{change:+.3f} (" in line
    assert "MODEL SELECTION ON THE TEST SET: the score is that of the best test epoch: 2 of these jobs" in ended.out
    assert "NORMALISATION FITTED ON ALL DATA, the test part included: 2 of these jobs" in ended.out


def test_an_invalid_job_leaves_a_record_and_does_not_stop_the_others(command, tables_root):
    ended = command("-m", f"data.root={tables_root}", *FAST, "slice=2s,6s", "seed=0,1")
    assert ended.status == 1
    statuses = [card["status"] for card in ended.cards().values()]
    assert sorted(statuses) == ["done", "done", "failed", "failed"]
    assert all("GtzanError" in card["traceback"] for card in ended.cards().values() if card["status"] == "failed")
    assert ended.err.count("slice.seconds=2 is shorter than the features' window") == 2
    assert [row[:3] for row in rows(ended)][:2] == [["2s", "seed=0", "failed"], ["2s", "seed=1", "failed"]]
    assert len(rows(ended)) == 4
    assert "seed0-" in ended.out
    assert "seed1-" in ended.out
    assert ": slice.seconds=2 is shorter than the features' window of 3 s." in ended.out  # the reason, not the remedy


def test_a_job_that_crashes_leaves_its_traceback_and_does_not_stop_the_others(command, tables_root, monkeypatch):
    from gtzan_lightning.training import train

    whole = train.make_model

    def crashes(config, *rest):
        if config.seed == 1:
            raise ZeroDivisionError("a bug")
        return whole(config, *rest)

    monkeypatch.setattr(train, "make_model", crashes)
    ended = command("-m", f"data.root={tables_root}", *FAST, "seed=0,1,2")
    assert ended.status == 1
    by_seed = {card["seed"]: card for card in ended.cards().values()}
    assert [by_seed[seed]["status"] for seed in (0, 1, 2)] == ["done", "failed", "done"]
    assert by_seed[1]["traceback"].endswith("ZeroDivisionError: a bug\n")
    assert "seed=1 failed:\nTraceback" in ended.err
    assert ": ZeroDivisionError: a bug\n" in ended.out

    monkeypatch.setattr(train, "make_model", whole)
    again = command("-m", f"data.root={tables_root}", *FAST, "seed=0,1,2")
    assert again.status == 0
    assert again.out.count(": finished before") == 2
    assert {card["status"] for card in again.cards().values()} == {"done"}


def test_an_impossible_value_is_the_job_s_own_failure(command, tables_root):
    ended = command("-m", f"data.root={tables_root}", *FAST, "slice.seconds=abc,3", "trainer.max_epochs=1")
    assert ended.status == 1
    assert sorted(card["status"] for card in ended.cards().values()) == ["done", "failed"]
    assert "slice.seconds = abc: should be a valid number" in ended.err


def test_a_typo_in_a_sweep_stops_before_the_first_job(command, tables_root):
    ended = command("-m", f"data.root={tables_root}", *FAST, "model=mlp,lstn")
    assert ended.status == 2
    assert "model=lstn: unknown. Did you mean lstm?" in ended.err
    assert ended.cards() == {}


def test_members_may_be_chosen_by_a_pattern(command, tables_root):
    ended = command("-m", f"data.root={tables_root}", *FAST, "model=glob(*lstm, exclude=[conv*, published*])")
    assert {card["model"]["name"] for card in ended.cards().values()} == {"BiLSTM", "ResLSTM"}


def test_jobs_with_the_same_config_hash_are_one_run(command, tables_root):
    ended = command("-m", f"data.root={tables_root}", *FAST, "model=mlp,mlp")
    assert ended.status == 0
    assert len(ended.cards()) == 1
    assert len(rows(ended)) == 1
    assert "1 job, test accuracy" in ended.out


def test_a_damaged_record_is_one_row_of_the_table(command, tables_root):
    sweep = ("-m", f"data.root={tables_root}", *FAST, "seed=0,1")
    command(*sweep)
    damaged = next(
        path for path in Path("outputs/runs").glob("*/run.json") if json.loads(path.read_text())["seed"] == 0
    )
    damaged.write_text("{")
    ended = command(*sweep)
    assert ended.status == 1
    assert "run.json: damaged" in ended.err
    assert [word for row in rows(ended) for word in row if word in ("damaged", "seed=1")] == ["damaged", "seed=1"]


def test_the_plan_finds_finished_runs_and_estimates_the_duration_of_the_others(command, tables_root):
    """Its quick composition names the same runs as Hydra's own: values, members and folds."""
    words = ("model=mlp,lstm", "split.fold=0,1", "split.n_folds=3", "model.hidden_size=8", "regularization=none")
    sweep = ("-m", f"data.root={tables_root}", *FAST, *words)
    first = command(*sweep)
    assert first.out.startswith("Sweep of 4 jobs = 2 x 2\n  model: mlp, lstm\n  split.fold: 0, 1\n  4 to train; the ")
    second = command(*sweep)
    assert "  4 finished before\n  nothing is left to train\n" in second.out
    more = command(*sweep, "seed=0,1")
    assert "Sweep of 8 jobs = 2 x 2 x 2\n" in more.out
    assert "  4 finished before\n  4 to train: about " in more.out
    assert ", 1 at a time, as similar runs took\n" in more.out


def test_a_job_may_print_what_is_not_utf_8(command, tables_root, monkeypatch):
    from gtzan_lightning.training import train

    whole = train.make_model
    monkeypatch.setattr(train, "make_model", lambda *rest: print("caf\udce9") or whole(*rest))
    ended = command("-m", f"data.root={tables_root}", *FAST, "seed=0,1")
    assert ended.status == 0, ended.err
    assert all("caf\\udce9\n" in path.read_text() for path in Path("outputs").glob("sweeps/*/jobs-0/*.log"))


def test_paths_are_relative_to_the_folder_of_the_command_also_with_chdir(command, tables_root):
    Path("data").symlink_to(tables_root)
    for words in (("seed=0",), ("-m", "seed=1,2")):
        ended = command("data.root=data", "outputs=runs here", *FAST, "hydra.job.chdir=true", *words)
        assert ended.status == 0, ended.err
    cards = [json.loads(path.read_text()) for path in Path("runs here/runs").glob("*/run.json")]
    assert sorted(card["seed"] for card in cards) == [0, 1, 2]
    assert {card["status"] for card in cards} == {"done"}
