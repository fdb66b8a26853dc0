"""The site in Firefox and in WebKit, Safari's engine, where they are installed."""

from __future__ import annotations

import threading

import pytest
from others import Driven, Firefox, WebKit
from test_site_pages import SITE, in_one_file, tool

from conftest import without
from micrograd_es import explain
from micrograd_es.base.languages import speaking
from micrograd_es.expression import parse

pytestmark = pytest.mark.browser

READY = "document.body.dataset.python === 'ready'"
ANSWERED = "document.querySelector('.live').dataset.asking === 'no'"
SHOWN = "document.querySelector('#pages iframe:not([hidden])')"  # in the one file


@pytest.fixture(scope="module", params=[Firefox, WebKit])
def browser(request, tmp_path_factory):
    try:
        started = request.param(tmp_path_factory.mktemp("profile"))
    except FileNotFoundError as missing:
        pytest.skip(f"{missing} is not there")
    with started:
        yield started


@pytest.fixture
def serving():
    """The site from a subfolder, and how to take it away."""
    if not (SITE / "index.html").exists():
        without("the site (python tools/site.py builds it)")
    server = tool("site").server(SITE, below="/course/")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()

    def end():
        if thread.is_alive():
            server.shutdown()
            thread.join()
            server.server_close()

    yield f"http://localhost:{server.server_port}/course/", end
    end()


def type_into(browser: Driven, field: str, text: str) -> None:
    browser.js(
        "const field = document.querySelector(arguments[0]);"
        "field.focus();"
        "field.value = arguments[1];"
        "field.dispatchEvent(new Event('input', { bubbles: true }));",
        field, text,
    )  # fmt: skip


def text(browser: Driven, place: str) -> str:
    return browser.js("return document.querySelector(arguments[0]).textContent;", place)


def click(browser: Driven, place: str) -> None:
    browser.js("document.querySelector(arguments[0]).click();", place)


def test_the_site_works_and_then_without_a_network(browser, serving):
    address, end = serving
    browser.go(f"{address}en/?f=a*b&at=a:3,b:-4")
    browser.wait(READY)
    browser.wait(ANSWERED)
    assert text(browser, ".formula .value") == "−12"

    type_into(browser, "#f", "tanh(w*x+b)**2")
    browser.wait(ANSWERED)
    root, variables = parse("tanh(w*x+b)**2", {"w": 1.0, "x": 1.0, "b": -4.0})
    root.label = "f"
    root.backward()
    with speaking("en"):
        assert text(browser, ".explanations pre") == explain(root, variables["w"]).text
    assert browser.js("return document.querySelectorAll('.graph svg g').length;") > 5

    click(browser, "#step")
    browser.wait("document.querySelector('#steps').open")
    browser.frame(0)
    browser.wait("document.querySelector('#last')")
    click(browser, "#next")
    click(browser, "#last")
    assert browser.js("return document.querySelectorAll('tbody tr').length;") == 7
    browser.frame(None)

    browser.go(f"{address}lessons/2-chain.html")
    browser.wait("document.querySelector('.part:nth-child(2)').hidden")
    type_into(browser, "#question1", "6")
    browser.js("document.querySelector('#question1').form.requestSubmit();")
    browser.wait("!document.querySelector('.part:nth-child(2)').hidden")

    browser.go(f"{address}en/python.html")
    browser.wait(READY)
    click(browser, "#run")
    browser.wait("document.querySelector('#shown svg')")
    assert text(browser, "#printed").strip() == "50.0 40.0"

    type_into(browser, "[role=search] input", "worksheets")
    browser.wait("document.querySelector('.found a')")
    assert "teachers.html" in browser.js("return document.querySelector('.found a').href;")

    browser.go(f"{address}play/?layers=4-4&seed=2")
    browser.wait(
        "document.body.dataset.asking === 'no' || document.body.dataset.python === 'ready'"
    )
    if list((SITE / "pyodide").glob("numpy*.whl")):
        browser.wait("document.body.dataset.asking === 'no'")
        click(browser, "#step")
        browser.wait("document.querySelector('#updates').textContent === '1'")

    browser.wait("navigator.serviceWorker.controller")
    end()
    browser.go(f"{address}?f=a*a&at=a:3")
    browser.wait(READY)
    browser.wait(ANSWERED)
    assert text(browser, ".formula .value") == "9"


def test_the_one_file_works_from_a_disk(browser):
    browser.go(in_one_file("en").as_uri())
    browser.wait(READY)
    type_into(browser, "#f", "a*a + b")
    browser.wait(ANSWERED)
    assert text(browser, ".formula .value") == "3"

    pages = browser.js("return document.querySelectorAll('nav.site > a').length;")
    for n in range(3, pages + 1):
        click(browser, f"nav.site > a:nth-of-type({n})")
        browser.wait(f"document.querySelector('nav.site > a:nth-of-type({n})').ariaCurrent")
        browser.wait(f"{SHOWN}.title && Boolean({SHOWN}.contentDocument.querySelector('h1'))")
    type_into(browser, "[role=search] input", "where they stumble")
    browser.wait("document.querySelector('.found a')")
    click(browser, ".found a[href*=guide]")
    browser.wait(f"{SHOWN}?.title.startsWith('A guide')")

    click(browser, "nav.site a[href$='teachers.html']")
    browser.wait(f"Boolean({SHOWN}.contentDocument.querySelector('#make'))")
    browser.js(f"{SHOWN}.contentDocument.querySelector('#make .primary').click();")
    browser.wait(f"{SHOWN}.contentDocument.querySelector('#sheet').srcdoc.includes('<svg')")
