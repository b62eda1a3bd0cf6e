"""The overview in a real Chromium: it tells the story, asks nobody for anything, is served safely."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import unquote

import pytest
import requests
from playwright.sync_api import Browser, Page, expect, sync_playwright

from dashboards.pages import PAGES
from tests.conftest import CHROMIUM_FLAGS
from tests.pages.overview_scene import END, fill

pytestmark = pytest.mark.browser
PATIENCE_MS = 180_000
"""Longest wait for anything on a page: a machine of tests may be busy."""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A served ledger, by the command that users run."""
    folder = fill(tmp_path_factory.mktemp("ledger"))
    command = [sys.executable, "-m", "pipeline.cli", "dashboard", "--store", str(folder), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        found = re.search(r"http://\S+", server.stdout.readline())
        assert found is not None
        yield found[0]
        server.terminate()


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """One for all tests: to start it takes longer than to read a page."""
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
        yield started
        started.close()


@pytest.fixture
def page(browser: Browser, address: str, tmp_path: Path) -> Iterator[Page]:
    """In a window of its own, with nothing kept of those before."""
    page = browser.new_page(viewport={"width": 1400, "height": 2400})
    page.set_default_timeout(PATIENCE_MS)
    yield page
    page.screenshot(path=tmp_path / "overview.png")
    page.close()


def opened(page: Page, address: str, query: str = "") -> Page:
    page.goto(address + query)
    expect(page.get_by_role("heading", name="Ledger", exact=True)).to_be_visible()
    return page


def test_the_page_tells_the_story(page: Page, address: str) -> None:
    """Spend, waste, models and the rollback with its time, without a click."""
    opened(page, address, "/?window=6h")
    for label in ("Spend, USD", "Paid and not used, USD", "GPU-hours idle, memory held", "Complete"):
        expect(page.get_by_text(label, exact=True)).to_be_visible()
    expect(page.get_by_text("Stale: nothing new since", exact=False)).to_be_visible()
    expect(page.get_by_test_id("stVegaLiteChart")).to_have_count(2)
    for name in ("rollback", "verified", "fraud", "Deployment/fraud"):
        cell = page.locator("td[role=gridcell]").filter(has_text=re.compile(f"^{name}$"))
        expect(cell.first).to_be_attached()


def test_the_window_is_in_the_address(page: Page, address: str) -> None:
    """A link pasted into a chat must open what its sender saw."""
    opened(page, address)
    page.get_by_role("button", name="7d", exact=True).or_(
        page.get_by_role("radio", name="7d", exact=True)
    ).click()
    page.wait_for_url("**/?window=7d")
    expect(page.get_by_text("window 2026-11-17T03:00Z..2026-11-24T03:00Z", exact=False)).to_be_visible()


def test_a_reader_walks_the_pages(page: Page, address: str) -> None:
    """Down from a team to its workload, away with a file, on to every page; the choices stay in the link.

    Names that ask the browser for a picture from elsewhere get none, and no one counts the readers.
    """
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address + "/costs?window=6h&compare=nothing")
    table = page.get_by_test_id("stDataFrame")
    expect(table).to_be_visible()
    with page.expect_download() as file:
        page.get_by_role("button", name="CSV").click()
    lines = file.value.path().read_text().splitlines()
    assert lines[0].startswith("team,total_cost,") and len(lines) == 3
    page.get_by_text("Show the SQL").click()
    expect(page.get_by_text("driftledger cost --window", exact=False)).to_be_visible()
    page.keyboard.press("Escape")
    table.click(position={"x": 15, "y": 52})
    page.wait_for_url(re.compile("by=workload"))
    page.wait_for_url(re.compile("only=team"))
    expect(page.get_by_text("Select a row to see its cost by pod.")).to_be_visible()
    for one in (*PAGES[2:], PAGES[0]):
        page.get_by_role("link", name=one.title, exact=True).first.click()
        heading = one.title if one.path else "Driftledger"
        expect(page.get_by_role("heading", name=heading, exact=True)).to_be_visible()
        expect(page.get_by_text("As of 2026-11-24", exact=False).first).to_be_visible()
        expect(page.get_by_test_id("stException")).to_have_count(0)
        assert "window=6h" in page.url
    own = (address, address.replace("http", "ws"), "data:", "blob:")
    assert asked and [url for url in asked if not url.startswith(own)] == []


def test_from_the_overview_to_the_evidence_of_a_rollback_in_three_clicks(page: Page, address: str) -> None:
    """Who is paged at night sees why it was done without a manual."""
    page.goto(address + "/?window=6h")
    expect(page.get_by_role("heading", name="Driftledger", exact=True)).to_be_visible()
    page.get_by_role("link", name="Actions", exact=True).first.click()
    page.get_by_label("Evidence of").click()
    page.get_by_role("option").filter(has_text="5f1c0ffee").first.click()
    expect(page.get_by_role("heading", name="Evidence of 5f1c0ffee")).to_be_visible()
    page.wait_for_url(re.compile("action=5f1c0ffee"))
    with page.expect_download() as file:
        page.get_by_role("button", name="Evidence, page").click()
    text = file.value.path().read_text()
    assert "<h1>rollback of Deployment/fraud</h1>" in text and "<img" not in text
    for words in ("Policy version 2026-11-24", "verdict of accuracy", "cool_down", "/metadata/generation"):
        assert words in text, words


def test_safe_headers_come_with_every_answer(address: str) -> None:
    """Without them a frame around the page, or markup in a name, could act for the reader."""
    for path in ("/", "/_stcore/health"):
        headers = requests.get(address + path, timeout=30).headers
        assert "script-src 'self' 'wasm-unsafe-eval'" in headers["content-security-policy"]
        assert headers["x-frame-options"] == "DENY"


def test_a_taken_port_is_said_in_a_sentence(address: str, tmp_path: Path) -> None:
    """Two dashboards on one machine are a usual mistake."""
    command = [sys.executable, "-m", "pipeline.cli", "dashboard", "--store", str(tmp_path), "--port"]
    got = subprocess.run([*command, address.rsplit(":", 1)[1]], capture_output=True, text=True, timeout=60)
    assert got.returncode == 5
    assert "choose another --port" in got.stderr


def test_a_span_dragged_over_a_line_becomes_the_window(page: Page, address: str) -> None:
    """Who sees a step in the line looks at that span alone, and can send it as a link."""
    page.goto(address + "/models?window=6h&model=fraud")
    picture = page.get_by_test_id("stVegaLiteChart").first
    expect(picture).to_be_visible()
    canvas = picture.locator("canvas, svg").first
    expect(canvas).to_be_visible()
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    across = [box["x"] + share * box["width"] for share in (0.55, 0.75)]
    height = box["y"] + 0.2 * box["height"]  # in the first panel, below the legend
    page.mouse.move(across[0], height)
    page.mouse.down()
    page.mouse.move(across[1], height, steps=8)
    page.mouse.up()
    page.wait_for_url(re.compile(r"range=2026-11-2"))
    found = re.findall(r"2026-11-2[34]T\d\d(?:%3A|:)\d\dZ", page.url)
    start, end = (datetime.strptime(unquote(text), "%Y-%m-%dT%H:%MZ") for text in found)
    assert END - timedelta(hours=6) < start < end < END
    assert timedelta(hours=1) < end - start < timedelta(hours=3), "a fifth of six hours and of the axis"
    expect(page.get_by_test_id("stException")).to_have_count(0)
