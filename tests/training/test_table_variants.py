"""One table in the forms that people have it in: the same predictions byte for byte, or a refusal with the reason."""

import numpy as np
import pandas as pd
import pytest
import tiny

from gtzan_lightning.config.composition import compose
from gtzan_lightning.config.schema import validate_config
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.evaluation.predictions import write_predictions
from gtzan_lightning.inference.trained_run import load_run
from gtzan_lightning.training import results
from gtzan_lightning.training.construction import make_datamodule
from gtzan_lightning.training.results import predict_all
from gtzan_lightning.training.split_data import open_data
from gtzan_lightning.training.train import train

pytestmark = pytest.mark.slow

GENRES = ("blues", "hiphop", "rock")
PUBLISHED = "features_3_sec.csv"


def stem_and_window(name):
    genre, number, window, _ = name.split(".")
    return genre, number, int(window)


def renamed(table, form):
    """The table with other track names; `form` is a function of genre, number and window."""
    return table.assign(filename=[form(*stem_and_window(name)) for name in table["filename"]])


def csv(**options):
    def write(table, folder):
        table.to_csv(folder / PUBLISHED, **{"index": False} | options)

    return write


def text(change):
    def write(table, folder):
        (folder / PUBLISHED).write_bytes(change(table.to_csv(index=False)))

    return write


def workbook(table, folder):
    pytest.importorskip("openpyxl")
    table.to_excel(folder / "table.xlsx", index=False)


def parquet(table, folder):
    pytest.importorskip("pyarrow")
    table.to_parquet(folder / "table.parquet", index=False)


def arrays(table, folder):
    values = table.drop(columns=["filename", "label", "length"]).to_numpy()
    labels, ids = (table[name].to_numpy(str) for name in ("label", "filename"))
    np.savez(folder / "table.npz", X=values, Y=labels, IDS=ids)


def starts(table, folder):
    """The start of each window in seconds instead of its length and its number in the name."""
    start_s = [3.0 * stem_and_window(name)[2] for name in table["filename"]]
    names = renamed(table, lambda genre, number, _: f"{genre}.{number}.wav").drop(columns="length")
    names.assign(start=start_s).sample(frac=1, random_state=1).to_csv(folder / "starts.tsv", sep="\t", index=False)


VARIANTS = {
    "semicolons, decimal comma, UTF-16": csv(sep=";", decimal=",", encoding="utf-16"),
    "tabs, all quoted, byte-order mark, CRLF": csv(sep="\t", quoting=1, encoding="utf-8-sig", lineterminator="\r\n"),
    "CR CR LF": text(lambda content: content.replace("\n", "\r\r\n").encode()),
    "CR": text(lambda content: content.replace("\n", "\r").encode()),
    "index column, other order": lambda table, folder: csv(index=True)(table.sample(frac=1, random_state=0), folder),
    "paths with backslashes": lambda table, folder: csv()(
        renamed(table, lambda genre, number, window: f"genres\\{genre}\\{genre}.{number}.{window}.wav"), folder
    ),
    "underscores, .au": lambda table, folder: csv()(
        renamed(table, lambda genre, number, window: f"{genre}_{number}.{window}.au"), folder
    ),
    "segments from 1": lambda table, folder: csv()(
        renamed(table, lambda genre, number, window: f"{genre}.{number}.wav_seg{window + 1}"), folder
    ),
    "capital names": lambda table, folder: csv()(
        renamed(table, lambda genre, number, window: f"{genre.upper()}.{number}.{window}.WAV"), folder
    ),
    "labels Blues, Hip-Hop, ROCK": lambda table, folder: csv()(
        table.assign(label=table["label"].replace({"blues": "Blues ", "hiphop": "Hip-Hop", "rock": "ROCK"})), folder
    ),
    "label first, as genre": lambda table, folder: csv()(
        table[["label", *table.columns.drop("label")]].rename(columns={"label": "genre"}), folder
    ),
    "length in seconds": lambda table, folder: csv()(table.assign(length=3.0), folder),
    "tempo in brackets": lambda table, folder: csv()(table.assign(tempo=table["tempo"].map("[{!r}]".format)), folder),
    "starts": starts,
    "Excel": workbook,
    "Parquet": parquet,
    "npz": arrays,
}


def real_part(root):
    """Twelve tracks of three genres of the published table."""
    table = pd.read_csv(root / PUBLISHED)
    return table[table["filename"].str.fullmatch(rf"({'|'.join(GENRES)})\.0000\d\.\d\.wav|\w+\.0001[01]\.\d\.wav")
                 & table["label"].isin(GENRES)]  # fmt: skip


@pytest.fixture(scope="module", params=["made", "real"])
def original(request, tmp_path_factory):
    """The table, a run on it, and the content of its predictions.csv."""
    folder = tmp_path_factory.mktemp(f"variants_{request.param}")
    if request.param == "made":
        tiny.write_tables(folder, genres=GENRES, tracks=12, windows=4)
        table = pd.read_csv(folder / PUBLISHED)
        (folder / "metadata.csv").unlink()
    else:
        table = real_part(request.getfixturevalue("gtzan_root"))
    (folder / "table").mkdir()
    table.to_csv(folder / "table" / PUBLISHED, index=False)
    command = [*words_for(folder / "table" / PUBLISHED), f"outputs={folder / 'outputs'}", "trainer.max_epochs=2",
               "trainer.progress=false", "model.hidden_size=16", "logger=none"]  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(results, "run_figures", lambda *_: {})
        run = train(compose(command), overrides=command).folder
    return table, load_run(run), (run / "predictions.csv").read_bytes()


def words_for(path):
    extra = ["features.window_s=3"] if path.suffix in (".npz", ".tsv") else []
    return ["features=table", f"features.path={path}", *extra]


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_form_gives_the_same_predictions(variant, original, tmp_path):
    table, run, expected = original
    VARIANTS[variant](table, tmp_path)
    config = validate_config(compose(words_for(next(tmp_path.iterdir()))))
    datamodule = make_datamodule(config, open_data(config))  # what training gets is what predicts: same data, same run
    write_predictions(predict_all(run.model, datamodule, config), tmp_path / "predictions.csv")
    assert (tmp_path / "predictions.csv").read_bytes() == expected


@pytest.mark.parametrize(
    ("change", "words", "message"),
    [
        (lambda table: table.assign(length=220_500), ["data.root={folder}"], "its rows are 10 s apart"),
        (lambda table: table.drop(columns="length"), None, "no column says how long a row is"),
        (lambda table: pd.concat([table, table[:2]]), None, "2 rows repeat the window of an earlier row"),
        (lambda table: table.drop(columns="filename"), None, "split=leaky"),
        (lambda table: table.assign(length=220_500), ["features.window_s=3"], "are 10 s apart in"),
        (
            lambda table: table.assign(tempo="fast"),
            ["data.root={folder}"],
            "column tempo has 'fast', which is no number",
        ),
    ],
    ids=["10-s windows under the name of 3-s ones", "no length", "repeated", "no names", "contradiction", "words"],
)
def test_refusals(change, words, message, original, tmp_path):
    change(original[0]).to_csv(tmp_path / PUBLISHED, index=False)
    words = [word.format(folder=tmp_path) for word in words or []]
    own = [] if any(word.startswith("data.root") for word in words) else words_for(tmp_path / PUBLISHED)
    config = validate_config(compose([*own, *words]))
    with pytest.raises(GtzanError, match=message):
        open_data(config)
