"""What must be read beside any answer of a model: what it was trained on, and how good it was there."""

from __future__ import annotations

from gtzan_lightning.runs.card import stamps
from gtzan_lightning.runs.folder import Card


def origin_lines(
    name: str, card: Card | None, temperature: float | None, *, calibrated: bool, familiar: bool
) -> list[str]:
    """Sentences on a run whose answers are shown.

    Args:
        name: of the run.
        card: its card, where it is at hand.
        temperature: that belongs to it, if any.
        calibrated: whether the answers pass through it.
        familiar: whether the run knows how far its training music reaches.
    """
    return [*_source(name, card or {}), _certainty(temperature, calibrated), *_not_known(familiar)]


def _source(name: str, card: Card) -> list[str]:
    if card.get("status") != "done":
        return [f"Answers of {name}."]
    scores, data = card["metrics"]["test"]["clip"], card["data"]
    low, high = scores["accuracy_ci95"]
    lines = [
        f"Answers of {name}: {card['model']['name']} on {data['corpus']}, clip accuracy {scores['accuracy']:.2f} "
        f"[{low:.2f}, {high:.2f}] on {scores['n']} test clips (split {card['split']['name']}); less on other music."
    ]
    if data["corpus"] == "synthetic":
        lines.append("SYNTHETIC CORPUS: this model has never heard music; its answers say nothing.")
    if data["source"] == "tables" and card["features"]["name"] == "stats":
        lines.append(
            "Trained on the published tables, of which four columns (harmony_*, perceptr_*) cannot be recomputed: "
            "GTZAN's own clips get slightly other probabilities than in predictions.csv, except with data.source=audio."
        )
    return lines + stamps(card)


def _certainty(temperature: float | None, calibrated: bool) -> str:
    if not calibrated:
        return "Probabilities are the model's own, as in predictions.csv."
    if temperature is None:
        return "Not calibrated: this run has no temperature, so that its probabilities may be too sure."
    return f"Calibrated: temperature {temperature:.2f}, fitted on validation."


def _not_known(familiar: bool) -> list[str]:
    if familiar:
        return []
    return ["This checkpoint does not know its training music: files unlike it get no warning (rerun=true adds that)."]
