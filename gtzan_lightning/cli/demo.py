"""`gtzan demo [RUN]`: a local web page that predicts the genre of a dropped or recorded song."""

from __future__ import annotations

import argparse
import html
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gtzan_lightning.cli.overrides_argument import add_trust
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.utils.terminal import markdown_text

if TYPE_CHECKING:
    from gradio import Blocks
    from PIL.Image import Image

    from gtzan_lightning.evaluation.file_prediction import FilePrediction
    from gtzan_lightning.inference.trained_run import TrainedRun
    from gtzan_lightning.runs.records import Record

SHOWN = 5  # genres with a bar


def add_to(commands: Any) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "demo",
        help="a local web page: drop or record a song, and see its genre over time",
        epilog="The page works without a network and sends nothing elsewhere. Needs the extra [demo].",
    )
    parser.add_argument("run_name", nargs="?", default="best", metavar="RUN", help="as in gtzan predict; default: best")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on; default: this machine only")
    parser.add_argument("--port", type=int, default=7860, help="default: 7860")
    parser.add_argument("--outputs", type=Path, default=Path("outputs"), metavar="FOLDER")
    add_trust(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> None:
    from gtzan_lightning.inference.trained_run import load_run

    run = load_run(arguments.run_name, outputs=arguments.outputs, trust=arguments.trust)
    page = launched(demo_page(run, artist_accuracy(run, arguments.outputs)), arguments.host, arguments.port)
    print(f"The page of {run.name}: {page.local_url}  (Ctrl-C ends it)", flush=True)
    page.block_thread()


def launched(page: Blocks, host: str, port: int | None) -> Blocks:
    """Serves the page from a thread; without a port, from the first free one.

    Raises:
        GtzanError: the address cannot be used.
    """
    from gradio.themes import Default

    local = Default(font=["system-ui", "sans-serif"], font_mono=["monospace"])  # no fonts from a server
    options: dict[str, Any] = {
        "share": False,
        "ssr_mode": False,
        "quiet": True,
        "prevent_thread_lock": True,
        "footer_links": [],
    }
    try:
        page.launch(server_name=host, server_port=port, theme=local, **options)
    except OSError as error:
        raise GtzanError(f"--host {host} --port {port}: {error}") from error
    return page


def artist_accuracy(run: TrainedRun, outputs: Path) -> str:
    """The clip accuracy of the same configuration under split=artist, or the command that measures it."""
    from gtzan_lightning.runs.browser import find_runs
    from gtzan_lightning.runs.records import read_record
    from gtzan_lightning.runs.run_folder import RunFolder

    if run.card is None:
        return "not known: the checkpoint has no run card"
    own = read_record(RunFolder(run.path.parent))
    for other in map(read_record, find_runs(outputs)):
        if other.done and _is_by_artist(other, own):
            return _accuracy(other.card)
    words = [word for word in run.card["overrides"] if not word.startswith(("split", "hydra", "outputs"))]
    return f"not measured; python train.py {' '.join([*words, 'split=artist'])} measures it"


def _is_by_artist(other: Record, own: Record) -> bool:
    """Whether a run differs from another in the split alone, and keeps artists whole."""
    same = [
        {key: value for key, value in each.settings.items() if not key.startswith("split.")} for each in (other, own)
    ]
    return (
        other.card["split"]["name"] == "artist"
        and other.card["data"]["sha256"] == own.card["data"]["sha256"]
        and same[0] == same[1]
    )


def demo_page(run: TrainedRun, accuracy_by_artist: str) -> Blocks:
    """The page: an audio input, the prediction as bars, text and a timeline.

    Args:
        run: the model.
        accuracy_by_artist: its clip accuracy under split=artist, as text.

    Raises:
        GtzanError: Gradio is not installed.
    """
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # no telemetry
    os.environ["HF_HUB_OFFLINE"] = "1"
    try:
        import gradio as gr
    except ModuleNotFoundError as error:
        raise GtzanError('gtzan demo: Gradio is missing. pip install "gtzan-lightning[demo]"') from error
    with gr.Blocks(title="Music genre", analytics_enabled=False) as page:
        gr.Markdown(f"# Music genre\n\n{_about(run, accuracy_by_artist)}")
        audio = gr.Audio(
            type="filepath", sources=["upload", "microphone"], label="A song, or a recording of it", buttons=[]
        )
        answer = gr.Markdown(label="Answer")
        bars = gr.Label(num_top_classes=SHOWN, label="Probability, mean over the slices")
        timeline = gr.Image(show_label=False, buttons=["download"])
        audio.change(_answer_of(run), audio, [answer, bars, timeline], api_name="predict")
    return page


Answer = tuple[str, "dict[str, float] | None", "Image | None"]


def _answer_of(run: TrainedRun) -> Callable[[str | None], Answer]:
    from gtzan_lightning.inference.file_inference import predict

    def answer(file: str | None) -> Answer:
        if file is None:
            return "", None, None
        try:
            (prediction,) = predict(run, file)
        except GtzanError as error:
            return html.escape(str(error)), None, None
        if prediction.skipped is not None:
            return f"**No answer.** {html.escape(prediction.skipped)}", None, None
        probabilities = dict(zip(prediction.genres, prediction.mean.tolist(), strict=True))
        return _sentence(prediction), probabilities, _picture(prediction, run.description)

    return answer


def _sentence(prediction: FilePrediction) -> str:
    lines = [
        f"**{markdown_text(prediction.genre)}**, probability {prediction.probability:.2f}; then "
        f"{markdown_text(prediction.runner_up)}, {prediction.runner_up_probability:.2f}. "
        f"{prediction.agreement:.0%} of {len(prediction.start_s)} slices agree."
    ]
    return "\n\n".join([*lines, *(f"Warning: {html.escape(warning)}" for warning in prediction.warnings)])


def _picture(prediction: FilePrediction, run: str) -> Image:
    from io import BytesIO

    from PIL import Image

    from gtzan_lightning.report.timeline import timeline_figure

    stream = BytesIO()
    timeline_figure(prediction, run).savefig(stream, format="png")
    return Image.open(stream)


def _about(run: TrainedRun, accuracy_by_artist: str) -> str:
    from gtzan_lightning.report.prediction_tables import provenance_lines

    remarks = provenance_lines(run.name, run.card, run.temperature, calibrated=True, has_ood=run.ood is not None)
    known = f"The model knows {len(run.genres)} genres only: {', '.join(map(markdown_text, run.genres))}."
    score = f"Clip accuracy on artists that it was not trained on (split=artist): {accuracy_by_artist}."
    return "\n\n".join([known, *map(html.escape, [score, *remarks])])


def _accuracy(card: Mapping[str, Any]) -> str:
    scores = card["metrics"]["test"]["clip"]
    low, high = scores["accuracy_ci95"]
    return f"{scores['accuracy']:.2f} [{low:.2f}, {high:.2f}], {scores['n']} test clips"
