"""The page in a real browser: at three widths, light and dark, without a network, without its script, for everyone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from edgetool.models.spec import Precision
from edgetool.records.case import Case
from edgetool.reports.exporters.html import export_html
from tests.reports.examples import REPORTS, entry, failed, report_of
from tests.support.records import model_spec, record

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

WIDTHS = (360, 800, 1440)
LONG = report_of(
    entry(record(target="t" * 512, model=model_spec(name="m" * 128))),
    failed(Case(model="m" * 128, precision=Precision.INT8, target="t" * 512, threads=1), message="x" * 4096),
    title="m" * 128 + " on " + "t" * 512,
)
CHECKED = {"long names": LONG} | {name: REPORTS[name] for name in ("counted", "sweep", "failures")}


@contextmanager
def opened(browser: Browser, folder: Path, name: str, **options: Any) -> Iterator[Page]:
    """A report's page; that it asks for nothing but itself and has nothing to complain of is checked at the end."""
    path = folder / "report.html"
    path.write_bytes(export_html(CHECKED[name])["report.html"])
    asked: list[str] = []
    said: list[str] = []
    context = browser.new_context(**options)
    page = context.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    try:
        page.goto(path.as_uri())
        yield page
    finally:
        context.close()
    assert asked == [path.as_uri()]
    assert said == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", CHECKED)
def test_it_shuts_nobody_out(browser: Browser, axe: str, tmp_path: Path, name: str, scheme: str) -> None:
    for width in WIDTHS:
        options = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme, "bypass_csp": True}
        with opened(browser, tmp_path, name, **options) as page:
            page.evaluate(axe)
            found = page.evaluate("axe.run()")
            assert [(each["id"], each["nodes"][0]["html"]) for each in found["violations"]] == []
            assert len(found["passes"]) > 20


@pytest.mark.parametrize("name", ["counted", "long names"])
@pytest.mark.parametrize("width", WIDTHS)
def test_only_its_tables_scroll_sideways(browser: Browser, tmp_path: Path, width: int, name: str) -> None:
    with opened(browser, tmp_path, name, viewport={"width": width, "height": 900}) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        widths = page.evaluate("[...document.querySelectorAll('svg')].map(svg => svg.getBoundingClientRect().width)")
        assert all(200 < each <= width for each in widths)


def column(page: Page, index: int) -> list[str]:
    found: list[str] = page.locator("#measurements ~ .scroll").first.locator(f"td:nth-child({index})").all_inner_texts()
    return found


def test_a_table_sorts_by_base_units_and_what_is_undefined_comes_last(browser: Browser, tmp_path: Path) -> None:
    with opened(browser, tmp_path, "sweep") as page:
        headings = page.locator("#measurements ~ .scroll").first.locator("th").all_inner_texts()
        index = headings.index("p50") + 1
        page.get_by_role("button", name="p50").first.click()
        assert column(page, index) == ["700 µs", "1.4 ms", "1.4 ms", "1.4 ms", "2 ms", "–"]
        page.get_by_role("button", name="p50").first.press("Enter")
        assert column(page, index) == ["2 ms", "1.4 ms", "1.4 ms", "1.4 ms", "700 µs", "–"]
        assert page.locator("th[aria-sort=descending]").count() == 1


def test_it_is_whole_without_its_script(browser: Browser, tmp_path: Path) -> None:
    with opened(browser, tmp_path, "sweep", java_script_enabled=False) as page:
        assert page.get_by_role("heading", name="What to deploy").is_visible()
        assert page.get_by_role("button").count() == 0
        assert column(page, 1)[0] == "fp32"


def test_a_charts_text_can_be_selected_and_its_words_are_told(browser: Browser, tmp_path: Path) -> None:
    with opened(browser, tmp_path, "counted") as page:
        chart = page.get_by_role("img", name="Size of the model file")
        assert "fp32 4 kB; int8 1 kB (-75%)" in str(chart.locator("desc").text_content())
        assert chart.locator("text", has_text="1 kB (-75%)").is_visible()


@pytest.mark.parametrize(("scheme", "ink"), [("light", "rgb(27, 31, 36)"), ("dark", "rgb(230, 237, 243)")])
def test_its_charts_have_the_pages_colour(browser: Browser, tmp_path: Path, scheme: str, ink: str) -> None:
    with opened(browser, tmp_path, "counted", color_scheme=scheme) as page:
        colours = page.evaluate("[...document.querySelectorAll('svg text')].map(text => getComputedStyle(text).fill)")
        assert set(colours) == {ink}
