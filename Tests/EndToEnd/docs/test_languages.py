"""The pages of Docs/languages quote the programs of Examples, which are built and run by their own tests."""
import re

import pytest

from harness.stubs import ROOT

PAGES = sorted(page for page in (ROOT / "Docs/languages").glob("*.md") if page.stem != "README")


def lines(text):
    """Without the depth at which they stand."""
    return [line.strip() for line in text.splitlines() if line.strip()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_block_stands_in_the_example_as_it_is(page):
    programs = [lines(file.read_text()) for file in (ROOT / "Examples" / page.stem).rglob("*") if file.is_file() and "stubs" not in file.parts]
    blocks = re.findall(r"```\w+\n(.*?)```", page.read_text(), re.S)
    assert len(blocks) >= 3, "a producer, a worker, and how it comes back"
    for block in blocks:
        wanted = lines(block)
        assert any(program[at:at + len(wanted)] == wanted for program in programs for at in range(len(program))), f"{page.name}:\n{block}"


def test_every_example_has_a_page_and_the_index_names_all():
    index = (ROOT / "Docs/languages/README.md").read_text()
    assert {page.name for page in PAGES} == set(re.findall(r"\]\((\w+\.md)\)", index))
    programs = {folder.name for folder in (ROOT / "Examples").iterdir() if folder.is_dir()} - {"deploy", "shell", "python", "swift"}
    assert programs == {page.stem for page in PAGES}
