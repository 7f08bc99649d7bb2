"""The command, and each page in a real Chromium: nothing is asked of the network, what a record says is text."""

from __future__ import annotations

import re
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.dashboard.conftest import HOSTILE, entries
from tests.support.commands import command_lines, run_cli, start_cli
from tests.support.records import stored_run

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytest.importorskip("streamlit", reason="pip install edgetool[dashboard]")
pytestmark = pytest.mark.xdist_group("dashboard")  # one server and one browser for all
FRAME, CHART = "[data-testid=stDataFrame] canvas", "[data-testid=stVegaLiteChart] .marks"
PAGES = {  # what is drawn last
    "Runs": "text=Measurements",
    "History": FRAME,
    "Latency": CHART,
    "Size, accuracy, cost": FRAME,
    "Operators": FRAME,
    "Pictures": "text=Your own picture",
    "At work": "text=No run is at work here.",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    runs = tmp_path_factory.mktemp("dashboard") / "runs"
    for day in range(3):
        stored_run(runs / f"run{day}", *entries(day))
    stored_run(runs / "hostile", *entries(5, target=HOSTILE))
    return runs


def started(folder: Path) -> tuple[subprocess.Popen[bytes], str]:
    """The command, and the address that it says."""
    process = start_cli("dashboard", folder, "--port", "0", "--no-browser", cwd=folder, env={})
    assert process.stdout is not None
    line = process.stdout.readline().decode()
    found = re.match(r"dashboard: (http://127\.0\.0\.1:\d+)", line)
    assert found is not None, line
    return process, found[1]


@pytest.fixture(scope="module")
def url(folder: Path) -> Iterator[str]:
    process, address = started(folder)
    yield address
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)


@pytest.fixture(scope="module")
def requests() -> list[str]:
    """The addresses that the page has asked for so far."""
    return []


@pytest.fixture(scope="module")
def page(browser: Browser, url: str, requests: list[str]) -> Iterator[Page]:
    """One tab for all tests."""
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    tab = context.new_page()
    tab.on("request", lambda request: requests.append(request.url))
    tab.goto(url)
    tab.get_by_role("heading", name="Runs").wait_for(timeout=60_000)
    yield tab
    context.close()


def test_a_chart_is_drawn_by_the_first_page_that_is_opened(browser: Browser, folder: Path) -> None:
    """Before anything else has loaded what Altair meets half loaded."""
    process, address = started(folder)
    with browser.new_context() as context:
        tab = context.new_page()
        tab.goto(address)
        tab.locator("label", has_text=re.compile("^Size, accuracy, cost$")).click(timeout=60_000)
        tab.locator(FRAME).last.wait_for(timeout=60_000)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_shows_in_a_browser(page: Page, name: str, tmp_path: Path) -> None:
    page.locator("label", has_text=re.compile(f"^{name}$")).click()
    page.get_by_role("heading", name=name, exact=True).wait_for(timeout=60_000)
    page.locator(PAGES[name]).last.wait_for(timeout=60_000)
    assert page.locator("[data-testid=stException]").count() == 0
    assert page.locator("img[src*='192.0.2.1']").count() == 0
    picture = tmp_path / "page.png"
    page.screenshot(path=picture, full_page=True)
    assert picture.stat().st_size > 10_000


def test_an_image_that_changed_class_is_seen_first(page: Page) -> None:
    page.locator("label", has_text=re.compile("^Pictures$")).click()
    page.get_by_text("image 35, label 1").wait_for(timeout=60_000)
    assert page.get_by_text("✗ 2: int8 on qemu-riscv64").count() >= 1


def test_it_ends_with_ctrl_c_and_leaves_no_process(folder: Path) -> None:
    process, address = started(folder)
    assert urllib.request.urlopen(f"{address}/_stcore/health", timeout=30).read() == b"ok"
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, b"")
    assert not [line for line in command_lines() if f"server.port={urlsplit(address).port}" in line]


def test_it_runs_nothing_of_the_current_folder(tmp_path: Path) -> None:
    stored_run(tmp_path / "runs", *entries(0))
    (tmp_path / "runs" / "streamlit.py").write_text("raise SystemExit('ours was run')")
    process, _ = started(tmp_path / "runs")
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, b"")


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = run_cli("dashboard", tmp_path / "none")
    assert done.exit_code == 2
    assert b"there is no folder" in done.stderr


@pytest.mark.usefixtures("page")
def test_nothing_was_asked_for_but_this_machine(requests: list[str]) -> None:
    """Stands last: after every page was opened."""
    assert {urlsplit(each).hostname for each in requests if each.startswith(("http", "ws"))} == {"127.0.0.1"}
