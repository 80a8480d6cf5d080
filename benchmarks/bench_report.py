"""Time to write a report of a thousand runs, and to open it in a browser.

    python benchmarks/bench_report.py --runs 1000

The runs are artificial: a few with 200 test tracks and 60 epochs each, as on GTZAN, hard-linked under as many names as
requested. Timed in headless Chromium, layout included: loading (from the request to the end of the load event), showing
one table row for each run, and opening a run, whose details are parsed on demand. Prints medians over the repeats.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

from selenium import webdriver

from gtzan_lightning.report.report_folder import write_report
from gtzan_lightning.runs.browser import find_runs
from gtzan_lightning.runs.records import read_record

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
    kinds = [(model, slice_s, split) for model in ("MLP", "BiLSTM") for slice_s in (3, 6) for split in SPLITS]
    for number in range(n_runs):
        model, slice_s, split = kinds[number % len(kinds)]
        seed, lr = number // len(kinds) % 5, number // (5 * len(kinds))
        first = outputs / "kinds" / "runs" / f"{model}-{slice_s}-{split}-{seed}"
        if not first.is_dir():
            right = {"leaky": 0.9, "grouped": 0.7}[split]
            made = made_run(outputs / "kinds", model=model, slice_s=slice_s, split=split, seed=seed, right=right,
                            genres=GENRES, tracks=20, slices=10, epochs=60)  # fmt: skip
            made.rename(first)
        copy = outputs / "runs" / f"{first.name}-{number:04d}".lower()
        shutil.copytree(first, copy, copy_function=os.link)
        config = (copy / "config.yaml").read_text(encoding="utf-8")
        (copy / "config.yaml").unlink()  # hard-linked to that of the other runs
        (copy / "config.yaml").write_text(config.replace("model:", f"model:\n  lr: {0.001 * (lr + 1):g}"))


def browser() -> webdriver.Chrome:
    """Debian's Chromium without a window."""
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=7)
    arguments = parser.parse_args()
    if not shutil.which("chromium") or not shutil.which("chromedriver"):
        print("The report's page was not measured: no chromium here (Debian: apt-get install chromium-driver).")
        return
    with tempfile.TemporaryDirectory() as folder:
        outputs = Path(folder)
        make_runs(outputs, arguments.runs)
        since = time.perf_counter()
        write_report([read_record(run) for run in find_runs(outputs)], outputs / "reports", progress=False)
        page = outputs / "reports" / "report.html"
        print(
            f"{arguments.runs} runs: written in {time.perf_counter() - since:.1f} s, {page.stat().st_size / 1e6:.1f} MB"
        )
        driver = browser()
        try:
            measured = [times_ms(driver, page.as_uri()) for _ in range(arguments.repeats)]
        finally:
            driver.quit()
    for name in measured[0]:
        times = [each[name] for each in measured]
        print(f"{name}: {statistics.median(times):.0f} ms (at most {max(times):.0f})")


if __name__ == "__main__":
    main()
