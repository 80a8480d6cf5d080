"""Time to write a report of a thousand runs, and to open it in a browser.

    python benchmarks/bench_report.py --runs 1000

The runs are artificial: a few with 200 test tracks and 60 epochs each, as on GTZAN, hard-linked under as many names as
requested, with the configuration of real runs. Writing is timed as a whole process, `gtzan report`, beside reading the
run cards alone, which every report must do. In headless Chromium, layout included: loading (from the request to the end
of the load event), showing one table row for each run, and opening a run, whose details are parsed on demand. Prints
medians over the repeats.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gtzan_lightning.config.composition import compose, plain_config
from gtzan_lightning.config.identity import code_files

if TYPE_CHECKING:
    from selenium import webdriver

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from made_runs import made_run

GENRES = ("blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock")
SPLITS = ("leaky", "grouped")
LAYOUT = "document.documentElement.scrollHeight"  # reading it forces a layout
STEPS = {
    "all runs": "document.querySelector('#filters .choice button:last-child').click()",
    "open a run": "show(document.querySelector('.open').dataset.run); followHash()",
}


def make_runs(outputs: Path, n_runs: int) -> None:
    """Runs of two models, slice lengths and splits, many learning rates, and five seeds each."""
    config = plain_config(compose(["model=lstm"]))
    settings: Any = {key: value for key, value in config.items() if key not in ("seed", "slice", "split", "model")}
    code = {"sha256": "0" * 64, "files": code_files(config)}
    kinds = [(model, slice_s, split) for model in ("MLP", "BiLSTM") for slice_s in (3, 6) for split in SPLITS]
    for number in range(n_runs):
        model, slice_s, split = kinds[number % len(kinds)]
        seed, lr = number // len(kinds) % 5, number // (5 * len(kinds))
        first = outputs / "kinds" / "runs" / f"{model}-{slice_s}-{split}-{seed}"
        if not first.is_dir():
            right = {"leaky": 0.9, "grouped": 0.7}[split]
            made = made_run(outputs / "kinds", model=model, slice_s=slice_s, split=split, seed=seed, right=right,
                            genres=GENRES, tracks=20, slices=10, epochs=60, settings=settings, code=code)  # fmt: skip
            made.rename(first)
        copy = outputs / "runs" / f"{first.name}-{number:04d}".lower()
        shutil.copytree(first, copy, copy_function=os.link)
        config = (copy / "config.yaml").read_text(encoding="utf-8")
        (copy / "config.yaml").unlink()  # hard-linked to that of the other runs
        (copy / "config.yaml").write_text(config.replace("model:", f"model:\n  lr: {0.001 * (lr + 1):g}"))


def browser() -> webdriver.Chrome:
    """Debian's Chromium without a window."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or sys.exit(
        "No chromium here (apt-get install chromium-driver)."
    )
    for flag in (
        "--headless=new",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        *(["--no-sandbox"] * (os.getuid() == 0)),
    ):
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    driver.set_page_load_timeout(60)
    return driver


def times_ms(driver: webdriver.Chrome, address: str) -> dict[str, float]:
    """Milliseconds of loading and of each of `STEPS`, in order."""
    driver.get("about:blank")
    driver.get(address)
    loaded = driver.execute_script("return performance.getEntriesByType('navigation')[0].loadEventEnd")
    times = {"load": loaded + _timed(driver, "")}
    return times | {name: _timed(driver, step) for name, step in STEPS.items()}


def _timed(driver: webdriver.Chrome, step: str) -> float:
    return float(
        driver.execute_script(f"const since = performance.now(); {step}; {LAYOUT}; return performance.now() - since")
    )


def seconds_to_write(outputs: Path) -> float:
    """Seconds of `gtzan report` from start to end."""
    since = time.perf_counter()
    command = [sys.executable, "-m", "gtzan_lightning", "report", "--outputs", str(outputs)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - since


def seconds_to_read_cards(outputs: Path) -> float:
    """Seconds to read and parse every run.json."""
    since = time.perf_counter()
    for card in (outputs / "runs").glob("*/run.json"):
        json.loads(card.read_text(encoding="utf-8"))
    return time.perf_counter() - since


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=7)
    arguments = parser.parse_args()
    times: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        outputs = Path(folder)
        make_runs(outputs, arguments.runs)
        cards = [seconds_to_read_cards(outputs) for _ in range(arguments.repeats)]
        times["reading the run cards alone"] = [1000 * each for each in cards]
        times["gtzan report"] = [1000 * seconds_to_write(outputs) for _ in range(min(3, arguments.repeats))]
        page = outputs / "reports" / "report.html"
        size_mb = page.stat().st_size / 1e6
        if shutil.which("chromium") and shutil.which("chromedriver"):
            driver = browser()
            try:
                measured = [times_ms(driver, page.as_uri()) for _ in range(arguments.repeats)]
            finally:
                driver.quit()
            times |= {f"page: {name}": [each[name] for each in measured] for name in measured[0]}
        else:
            print("The page was not measured: no chromium here (Debian: apt-get install chromium-driver).")
    print(f"| {arguments.runs:,} runs, a page of {size_mb:.1f} MB | median | most |\n|---|---|---|")
    for name, several in times.items():
        print(f"| {name} | {statistics.median(several) / 1000:.2f} s | {max(several) / 1000:.2f} s |")


if __name__ == "__main__":
    main()
