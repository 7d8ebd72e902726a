"""Fixtures for tests in a real browser."""
import shutil

import pytest


@pytest.fixture(scope="session")
def browser():
    """A real browser without a window: Debian's Chromium."""
    from playwright.sync_api import sync_playwright

    path = shutil.which("chromium")
    if path is None:
        pytest.fail("chromium is not installed: Scripts/setup test installs it on Debian")
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield made
        made.close()


@pytest.fixture
def page(browser):
    """A page that fails its test when the browser's console has an error."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    made = context.new_page()
    made.set_default_timeout(15_000)
    errors = []
    made.on("pageerror", lambda error: errors.append(str(error)))
    made.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    made.expected_errors = []
    yield made
    context.close()
    left = [error for error in errors if not any(words in error for words in made.expected_errors)]
    assert not left, left
