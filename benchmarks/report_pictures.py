"""Pictures of the report page for README and docs, in Chromium: `python benchmarks/report_pictures.py`.

Trains a sweep of twelve runs (or reuses them), writes its report and takes pictures of the table, of the accuracy
drop due to leakage and of the panel of a run in dark mode. Needs Chromium with its driver, and the extra [dev].
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.common.by import By

SWEEP = ("model=mlp,lstm", "split=leaky,grouped", "seed=0,1,2")
IMAGES = Path("docs/img")
WIDTH, HEIGHT = 1200, 917


def main() -> int:
    """Returns the exit status of the command that failed, else 0."""
    browser, driver_path = shutil.which("chromium"), shutil.which("chromedriver")
    if not (browser and driver_path):
        print("No chromium and chromedriver here. Debian: apt-get install chromium-driver", file=sys.stderr)
        return 1
    sweep = [sys.executable, "train.py", "-m", *SWEEP, "trainer.progress=false"]
    done = subprocess.run(sweep, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        return done.returncode
    report = next(line for line in done.stdout.splitlines() if line.startswith("Report: ")).split()[1]
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for flag in ("--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"):
        options.add_argument(flag)
    if os.getuid() == 0:
        options.add_argument("--no-sandbox")
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver_path))
    try:
        take_pictures(driver, Path(report).resolve().as_uri())
    finally:
        driver.quit()
    return 0


def take_pictures(driver: webdriver.Chrome, address: str) -> None:
    show(driver, address, "light")
    driver.save_screenshot(str(IMAGES / "report.png"))
    driver.find_element(By.CSS_SELECTOR, "section[aria-labelledby=leakage-drops-title]").screenshot(
        str(IMAGES / "report_gap.png")
    )
    show(driver, address, "dark")
    driver.execute_script("document.querySelector('#scores tbody tr:nth-child(2) .open').click()")
    time.sleep(0.5)  # the panel slides in
    driver.save_screenshot(str(IMAGES / "report_run.png"))


def show(driver: webdriver.Chrome, address: str, scheme: str) -> None:
    """Opens the page in a colour scheme."""
    screen = {"width": WIDTH, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    driver.get("about:blank")
    driver.get(address)


if __name__ == "__main__":
    sys.exit(main())
