"""API.md says what there is."""
import pathlib
import sys

import pytest

import api
import gkick


@pytest.mark.skipif(sys.version_info < (3, 11), reason="signatures are written otherwise there")
def test_the_page_is_what_the_package_says():
    page = pathlib.Path(api.__file__).resolve().parents[1] / "API.md"
    assert page.read_text() == api.whole(), "make it again: python tests/api.py > API.md"


def test_everything_that_is_given_is_on_the_page():
    named = {name for _, names in api.GROUPS for name in names}
    assert named == set(gkick.__all__)


def test_the_asynchronous_client_has_every_call():
    def calls(kind):
        return {name for name, value in vars(kind).items() if not name.startswith("_") and callable(value)}

    assert calls(gkick.AsyncClient) == calls(gkick.Client)
