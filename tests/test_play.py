"""The server of the training page: what it answers, and what it refuses."""

import asyncio
import json
import re
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from importlib.resources import files
from itertools import pairwise
from math import inf, nan
from urllib.parse import urlencode, urljoin

import httpx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from micrograd_es import Value, play
from micrograd_es.base.languages import speaking
from micrograd_es.base.palette import DARK, repainted, stylesheet
from micrograd_es.cli import main
from micrograd_es.nn.modules import ACTIVATIONS, MLP
from micrograd_es.play import server
from micrograd_es.play.answers import _numbers, answer
from micrograd_es.play.features import FEATURES, WRITTEN, point, seen
from micrograd_es.play.points import COUNT, EDGE, points
from micrograd_es.play.state import DATA, LOSSES, TESTS, BadRequest, State, defaults, parsed
from micrograd_es.play.training import cost_of_point, training
from micrograd_es.stepping.steps import BackwardPass

PLACES = ("/", "/train", "/maps", "/landscape", "/graph.svg", "/steps")


class Client:
    """Asks the application without a server; an exception in it is one here."""

    def __init__(self, *host):
        self.app = play.app(*host)

    def request(self, method, path, **options):
        async def ask():
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
                return await http.request(method, path, **options)

        return asyncio.run(ask())

    def get(self, path, **options):
        return self.request("GET", path, **options)


@pytest.fixture(scope="module")
def client():
    return Client()


@pytest.fixture(scope="module", autouse=True)
def patient():
    """A request may train as long as it takes, but where a test is about that."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("micrograd_es.play.answers.SECONDS", inf)
        yield


def train(client, **state):
    """The answer once training is as far as it was asked to be."""
    while True:
        answer = client.get("/train", params=state)
        assert answer.status_code == 200, answer.text
        answer = answer.json()
        if answer["updates"] == state.get("updates", 0) or answer["stopped"]:
            return answer


# -- the page


@pytest.mark.parametrize(("lang", "title"), [("es", "Entrenar una red"), ("en", "Train a network")])
def test_the_page_speaks_the_language_asked_for(client, lang, title):
    page = client.get("/", params={"lang": lang})
    assert page.status_code == 200
    assert f'<html lang="{lang}" ' in page.text
    assert f"<title>{title}" in page.text


def test_spanish_is_the_default(client):
    assert client.get("/").text == client.get("/?lang=es").text


def test_the_page_may_load_nothing_but_its_own_files(client):
    page = client.get("/")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert page.headers["x-content-type-options"] == "nosniff"
    # what the policy would stop anyway is not there
    assert not re.findall(r"<style|<script(?![^>]*src=)|\son\w+=|\sstyle=|https?://", page.text)
    paths = re.findall(r'<(?:link|script)\b[^>]* (?:src|href)="([^"]+)"', page.text)
    assert {"palette.css", "icon.svg", "static/play.css", "static/play.js"} <= set(paths)
    for path in paths:
        file = client.get(f"/{path}")
        assert file.status_code == 200
        assert "default-src 'none'" in file.headers["content-security-policy"]


def test_the_form_shows_what_the_address_says(client):
    page = client.get("/?data=spiral&activation=relu&lr=0.025&seed=7").text
    assert '<option value="spiral" selected>' in page
    assert '<option value="relu" selected>' in page
    assert 'value="0.025"' in page
    assert re.search(r'<input name="seed" data-least="0" data-most="999999" [^>]*value="7"', page)


def test_the_page_knows_the_defaults():
    assert parsed(defaults().items()) == State()


def test_its_colours_are_those_of_the_palette(client):
    style = client.get("/palette.css")
    assert style.headers["content-type"].startswith("text/css")
    assert style.text == stylesheet() + repainted("#graph")
    icon = client.get("/icon.svg")
    assert icon.headers["content-type"].startswith("image/svg+xml")
    assert DARK["value"] in icon.text


# -- training


def by_hand(state, updates):
    """Gradient descent on the mean of squares of a tanh network, in NumPy alone."""
    X, classes = map(np.array, state.points()[1:])
    sizes = [2, *state.layers, 1]
    theta = np.array([p.data for p in MLP(2, sizes[1:], "tanh", seed=state.seed).parameters()])
    costs = []
    for step in range(updates + 1):
        blocks, start = [], 0
        for m, n in pairwise(sizes):
            blocks.append(theta[start : start + n * (m + 1)].reshape(n, m + 1))
            start += n * (m + 1)
        a = [X]
        for k, block in enumerate(blocks):
            z = a[-1] @ block[:, :-1].T + block[:, -1]
            a.append(z if k == len(blocks) - 1 else np.tanh(z))
        miss = a[-1][:, 0] - classes
        costs.append(np.mean(miss**2))
        delta = (2 * miss / len(X))[:, None]
        gradient = []
        for k in range(len(blocks) - 1, -1, -1):
            gradient.append(np.column_stack([delta.T @ a[k], delta.sum(0)]).ravel())
            delta = (delta @ blocks[k][:, :-1]) * (1 - a[k] ** 2)
        gradient = np.concatenate(gradient[::-1])
        if step < updates:
            theta = theta - state.lr * gradient
    return costs, theta, gradient


def test_training_is_gradient_descent(client):
    state = State(data="circles", layers=(3, 2), lr=0.2, seed=4)
    costs, theta, gradient = by_hand(state, 30)
    answer = train(client, data="circles", layers="3-2", lr="0.2", seed=4, updates=30)
    assert answer["updates"] == 30
    assert [u for u, _cost in answer["curve"]] == list(range(31))
    np.testing.assert_allclose([cost for _u, cost in answer["curve"]], costs, rtol=1e-10)
    np.testing.assert_allclose(answer["parameters"], theta, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(answer["gradient"], gradient, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("data", DATA)
def test_every_cost_falls_on_every_data_set(client, data, loss):
    answer = train(client, data=data, loss=loss, updates=15)
    assert answer["cost"] < answer["curve"][0][1]
    assert len(answer["points"]) == COUNT
    assert len(answer["map"]) == answer["cells"] ** 2
    assert all(-1000 <= score <= 1000 for score in answer["map"])


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_trains(client, activation):
    answer = train(client, activation=activation, lr="0.02", updates=10)
    assert answer["cost"] < answer["curve"][0][1]


def test_the_network_may_have_no_hidden_layer(client):
    answer = train(client, layers="", data="blobs", updates=20)
    assert answer["layers"] == [1]
    assert answer["labels"] == ["w₍₁₎⁽¹·¹⁾", "w₍₁₎⁽¹·²⁾", "b₍₁₎⁽¹⁾"]
    assert len(answer["wrong"]) <= 3


def test_the_map_and_the_points_on_the_wrong_side_follow_the_score(client):
    answer = train(client, layers="", data="xor", updates=3)
    (u, v, b), n = answer["parameters"], answer["cells"]
    line = np.linspace(-EDGE, EDGE, n)
    score = b + u * line[None, :] + v * line[:, None]
    np.testing.assert_allclose(
        np.reshape(answer["map"], (n, n)), 1000 * score.clip(-1, 1), atol=0.51
    )
    wrong = [k for k, x, y, c in answer["points"] if (b + u * x + v * y > 0) != (c > 0)]
    assert answer["wrong"] == wrong


@pytest.mark.parametrize("updates", [0, 1, 24, 25, 26, 60, 99])
def test_rewinding_gives_the_same_bits(client, updates):
    start = {"data": "moons", "seed": 11, "layers": "3"}
    furthest = train(client, **start, updates=100)
    rewound = train(client, **start, updates=updates)
    again = train(client, **start, updates=100)
    training.cache_clear()
    assert train(client, **start, updates=updates) == rewound
    assert rewound["curve"] == furthest["curve"][: updates + 1]
    assert again == furthest


def test_a_long_training_is_answered_in_parts(client, monkeypatch):
    monkeypatch.setattr("micrograd_es.play.answers.SECONDS", 1e-6)  # one update a request
    training.cache_clear()
    for reached in (1, 2, 3, 3):
        answer = client.get("/train?seed=5&updates=3").json()
        assert answer["updates"] == reached
        assert answer["curve"][-1] == [reached, answer["cost"]]
        assert not answer["stopped"]


def test_a_training_that_diverges_stops_at_its_last_finite_update(client):
    text = client.get("/train?activation=linear&lr=100&updates=1000").text
    answer = json.loads(text, parse_constant=pytest.fail)  # no NaN, no Infinity
    assert answer["stopped"]
    assert 0 < answer["updates"] < 1000
    assert not train(client, activation="linear", lr=100, updates=answer["updates"])["stopped"]


# -- points


def test_points_are_moved_added_and_deleted(client):
    before = {n: rest for n, *rest in train(client)["points"]}
    after = {n: rest for n, *rest in train(client, changes="3_0.5_-0.25_1*7*60_-1_1_-1")["points"]}
    assert after == {n: rest for n, rest in before.items() if n != 7} | {
        3: [0.5, -0.25, 1],
        60: [-1, 1, -1],
    }


def test_a_deleted_point_takes_no_part(client):
    changes = "*".join(map(str, range(1, COUNT)))
    answer = train(client, changes=changes, updates=200)
    assert [n for n, *_ in answer["points"]] == [0]
    assert answer["cost"] < 1e-6


@pytest.mark.parametrize("name", DATA)
def test_a_data_set_has_two_classes_in_the_plane_and_comes_from_its_seed(name):
    X, classes = np.split(np.array(points(name, 3)), [2], axis=1)
    assert X.shape == (COUNT, 2)
    assert np.abs(X).max() <= EDGE
    assert sorted(classes[:, 0]) == [-1] * 30 + [1] * 30
    assert points(name, 3) == points(name, 3) != points(name, 4)


@pytest.mark.parametrize("loss", LOSSES)
def test_the_cost_is_the_mean_of_those_of_the_points(client, loss):
    answer = train(client, loss=loss, updates=30)
    costs = [cost_of_point(State(loss=loss, updates=30, point=n)) for n in range(COUNT)]
    assert np.mean([c.data for c in costs]) == pytest.approx(answer["cost"], rel=1e-12)
    labels = {node.label for node in BackwardPass(costs[0]).nodes}
    assert labels >= {"C", "x⁽¹⁾", "x⁽²⁾", "y⁽¹⁾", "ŷ⁽¹⁾", *answer["labels"]}


def test_a_picked_point_has_a_graph_and_a_stepping_page(client):
    graph = client.get("/graph.svg?layers=2&point=3&updates=5")
    assert graph.status_code == 200
    assert graph.headers["content-type"].startswith("image/svg+xml")
    assert "w₍₁₎⁽¹·¹⁾" in graph.text
    steps = client.get("/steps?layers=2&point=3&updates=5&lang=en")
    assert steps.status_code == 200
    assert '<html lang="en"' in steps.text
    assert 'http-equiv="Content-Security-Policy"' in steps.text


def test_a_backward_pass_that_no_page_can_hold_is_refused(client):
    answer = client.get("/steps?layers=16-16&point=3")
    assert answer.status_code == 400
    assert "982" in answer.text


# -- what is refused


def test_a_decimal_comma_is_a_point(client):
    a_point = "lr=0.3&changes=3_0.5_-0.25_1&edits=0_1_0.5"
    comma = a_point.replace(".", ",")
    assert client.get(f"/train?{comma}").json() == client.get(f"/train?{a_point}").json()
    assert 'name="lr"' in client.get(f"/?{comma}").text
    assert client.get(f"/?{comma}").text == client.get(f"/?{a_point}").text


WRONG = [
    "data=mnist",
    "data=",
    "seed=-1",
    "seed=1.5",
    "seed=01",
    "seed=1000000",
    "seed=²",
    "updates=-1",
    "updates=10001",
    "updates=nan",
    "updates=٣",
    "layers=0",
    "layers=17",
    "layers=4-",
    "layers=4,4",
    "layers=1-1-1-1-1",
    "activation=exp",
    "loss=sum",
    "lr=nan",
    "lr=inf",
    "lr=-0.1",
    "lr=1e-3",
    "lr=100.5",
    "lr=0.1234567",
    "lr=",
    "lr=0x1",
    "lr=1_0",
    "lr=%200.1",
    "point=60",
    "point=200",
    "point=x",
    "point=7&changes=7",
    "changes=7*7",
    "changes=3_0_0",
    "changes=3_0_0_2",
    "changes=3_0_0_0",
    "changes=3_2.5_0_1",
    "changes=3_nan_0_1",
    "changes=3_0_0_1_1",
    "changes=200_0_0_1",
    "changes=60",
    "changes=*",
    "changes=" + "*".join(map(str, range(COUNT))),
    "lang=fr",
    "view=small",
    "noise=-0.1",
    "noise=0.6",
    "test=51",
    "test=-10",
    "l1=-1",
    "l2=11",
    "l2=nan",
    "features=",
    "features=x3",
    "features=x1-x1",
    "features=x1 x2",
    "edits=0_0",
    "edits=0_37_1",
    "edits=0_x_1",
    "edits=10001_0_1",
    "edits=0_0_101",
    "edits=0_0_nan",
    "edits=0_0_1*0_0_2",
    "edits=*",
    "layers=&edits=0_3_1",
    "data=own",
    "data=own&changes=3",
    "lr=0,3,1",
    "lr=0.3,1",
    "colour=red",
    "seed=1&seed=2",
    "=1",
    "data=%00",
    "data=a%0Ab",
    "data=%ff",
]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("query", WRONG)
def test_what_is_wrong_is_refused_in_one_line(client, place, query):
    answer = client.get(f"{place}?{query}")
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.text
    assert answer.text.isprintable()
    assert len(answer.text) < 200


def test_refusals_are_said_in_the_language_of_the_page(client):
    assert client.get("/train?seed=x").text == "seed=x: se esperaba un entero de 0 a 999999"
    assert (
        client.get("/train?seed=x&lang=en").text == "seed=x: expected an integer from 0 to 999999"
    )


@pytest.mark.parametrize("place", PLACES)
def test_whoever_opens_a_wrong_address_gets_a_page_with_a_way_on(client, place):
    browser = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    answer = client.get(f"{place}?seed=<b>&lang=en", headers=browser)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "seed=&lt;b&gt;: expected an integer" in answer.text
    (way,) = re.findall(r'<a class="button primary" href="([^"]+)">', answer.text)
    assert client.get(urljoin(place, way)).status_code == 200


def test_an_address_that_is_too_long_is_refused(client):
    answer = client.get("/train?changes=" + "1" * 10_000)
    assert answer.status_code == 414
    assert "\n" not in answer.text


@pytest.mark.parametrize("place", ["/graph.svg", "/steps"])
def test_a_graph_is_that_of_a_point(client, place):
    assert client.get(place).status_code == 400


def test_other_methods_and_places_are_refused(client):
    for place in PLACES:
        assert client.request("POST", place, content=b"x" * 1_000_000).status_code == 405
    for place in ("/nothing", "/static/../server.py", "/static/%2e%2e/server.py", "/static/"):
        assert client.get(place).status_code == 404


@pytest.mark.parametrize("host", ["example.org", "127.0.0.1.example.org", "10.0.0.1", ""])
def test_other_names_for_this_machine_are_refused(client, host):
    for place in (*PLACES, "/static/play.js"):
        answer = client.get(place, headers={"host": host})
        assert answer.status_code == 400
    assert client.get("/", headers={"host": "localhost:1234"}).status_code == 200


@pytest.mark.parametrize(
    ("given", "host", "status"),
    [
        ("192.168.1.20", "192.168.1.20:8000", 200),
        ("aula.local", "aula.local:8000", 200),
        ("0.0.0.0", "127.0.0.1:8000", 200),  # the address at which these tests' requests arrive
        ("192.168.1.20", "localhost", 200),
        ("192.168.1.20", "192.168.1.21:8000", 400),
        ("aula.local", "aula.local.example.org", 400),
        ("0.0.0.0", "example.org:8000", 400),
        ("0.0.0.0", "0.0.0.0.example.org", 400),
        ("127.0.0.1", "192.168.1.20:8000", 400),
        ("localhost", "192.168.1.20:8000", 400),
        ("127.0.0.2", "127.0.0.2:8000", 200),
        ("::1", "[::1]:8000", 200),
        ("2001:db8::7", "[2001:db8::7]", 200),
        ("2001:db8::7", "[2001:db8::8]:8000", 400),
    ],
)
def test_others_are_let_in_under_the_address_given_and_no_other(given, host, status):
    client = Client(given)
    assert client.get("/", headers={"host": host}).status_code == status
    foreign = {"host": host, "origin": "http://example.org"}
    assert client.get("/train", headers=foreign).status_code == (403 if status == 200 else 400)
    ours = {"host": host, "origin": f"http://{host}"}
    assert client.get("/train", headers=ours).status_code == status


def test_a_page_is_let_in_at_the_address_at_which_it_asks():
    async def ask(host):
        transport = httpx.ASGITransport(play.app("0.0.0.0"))
        async with httpx.AsyncClient(transport=transport, base_url="http://10.1.2.3:80") as http:
            return (await http.get("/", headers={"host": host})).status_code

    assert asyncio.run(ask("10.1.2.3")) == 200
    assert asyncio.run(ask("10.1.2.4")) == 400


names = st.sampled_from([*defaults(), "x", ""])
pieces = st.text("0123456789-+._*eEinfa٣ \x00", max_size=12) | st.text(max_size=6)
words = st.sampled_from([*DATA, *LOSSES, *ACTIVATIONS, "es", "en", "4-4", "0.1", "12", "3_0_0_1"])


@given(st.lists(st.tuples(names, pieces | words), max_size=4))
@settings(max_examples=400, deadline=None)
def test_any_address_is_a_state_or_is_refused_in_one_line(query):
    with speaking("en"):
        try:
            state = parsed(query)
        except BadRequest as error:
            refusal = str(error)
        else:
            assert 1 <= len(state.points()[0]) <= 200
            assert np.isfinite(state.lr)
            assert len(state.layers) <= 4
            return
    assert refusal
    assert refusal.isprintable()


@given(st.sampled_from(PLACES[:2]), st.lists(st.tuples(names, pieces), max_size=3))
@settings(max_examples=60, deadline=None)
def test_any_request_is_answered_or_refused(client, place, query):
    query = [(name, text) for name, text in query if name != "updates"]
    query = urlencode(query, errors="surrogatepass")
    assert client.get(f"{place}?{query}").status_code in (200, 400)


# -- every request is bounded


@pytest.fixture
def slow(monkeypatch):
    """One update a request, however long a request may train."""
    monkeypatch.setattr("micrograd_es.play.answers.SECONDS", 1e-6)
    training.cache_clear()


@pytest.mark.parametrize("place", ["/graph.svg", "/steps"])
def test_a_picture_of_a_long_training_is_asked_for_again(client, place, slow):
    address = f"{place}?layers=2&seed=6&point=3&updates=3&lang=en"
    for reached in (1, 2):
        answer = client.get(address)
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "1"
        assert answer.text == f"Still training: update {reached} of 3."
    assert client.get(address).status_code == 200


def test_whoever_opens_it_sees_how_far_it_is(client, slow):
    address = "/steps?layers=2&seed=6&point=3&updates=3&lang=en"
    answer = client.get(address, headers={"accept": "text/html"})
    assert answer.status_code == 503
    assert answer.headers["refresh"] == f"1; url=.{address}"
    assert "update 1 of 3" in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_a_training_that_has_stopped_is_not_waited_for(client):
    answer = client.get("/graph.svg?activation=linear&lr=100&updates=10000&point=3")
    assert answer.status_code == 200


def test_whoever_waits_too_long_for_a_turn_is_told_so(client, monkeypatch):
    monkeypatch.setattr(server, "_SECONDS_WAITING", 0.01)
    held = [server._TURNS.acquire() for _ in range(2)]
    try:
        for place in ("/train", "/graph.svg?point=3", "/steps?point=3"):
            answer = client.get(place)
            assert answer.status_code == 503
            assert answer.headers["retry-after"] == "1"
        for place in ("/", "/static/play.js", "/nothing"):  # these take no time
            assert client.get(place).status_code in (200, 404)
    finally:
        for _ in held:
            server._TURNS.release()
    assert client.get("/train").status_code == 200


# -- pages of others

FOREIGN = [
    {"sec-fetch-site": "cross-site", "sec-fetch-dest": "image", "sec-fetch-mode": "no-cors"},
    {"sec-fetch-site": "cross-site", "sec-fetch-dest": "iframe", "sec-fetch-mode": "navigate"},
    {"sec-fetch-site": "same-site", "sec-fetch-dest": "empty", "origin": "http://localhost:3000"},
    {"sec-fetch-site": "cross-site", "sec-fetch-dest": "script"},
    {"origin": "https://example.org"},
    {"origin": "null"},
    {"referer": "https://example.org/page"},
    {"referer": "http://127.0.0.1:9999/"},  # another server of this machine
]


@pytest.mark.parametrize("headers", FOREIGN, ids=lambda headers: " ".join(headers.values()))
def test_a_page_of_another_site_starts_no_work(client, headers):
    training.cache_clear()
    for place in ("/train?updates=10000", "/graph.svg?point=3", "/steps?point=3"):
        answer = client.get(place, headers=headers)
        assert answer.status_code == 403
        assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert training.cache_info().currsize == 0


def test_a_page_of_another_site_may_lead_to_the_page_alone(client):
    link = {"sec-fetch-site": "cross-site", "sec-fetch-dest": "document"}
    link |= {"sec-fetch-mode": "navigate", "referer": "https://example.org/"}
    assert client.get("/?updates=10", headers=link).status_code == 200
    assert client.get("/steps?point=3", headers=link).status_code == 403
    assert client.get("/", headers=link | {"sec-fetch-dest": "iframe"}).status_code == 403
    assert client.get("/", headers=link | {"sec-fetch-dest": "image"}).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "same-origin", "sec-fetch-dest": "empty", "origin": "http://127.0.0.1"},
        {"sec-fetch-site": "none", "sec-fetch-dest": "document"},  # an address that is typed
        {"referer": "http://127.0.0.1/?seed=3"},
        {"host": "localhost:8000", "origin": "http://localhost:8000"},
        {},
    ],
    ids=lambda headers: " ".join(headers.values()),
)
def test_the_page_itself_and_persons_may_ask(client, headers):
    for place in ("/train", "/graph.svg?point=3&layers=2", "/steps?point=3&layers=2"):
        assert client.get(place, headers=headers).status_code == 200


# -- the answers without a server


def test_answers_are_those_of_the_server(client):
    training.cache_clear()
    for place, query in [
        ("/", "lang=en"), ("/train", "updates=3"), ("/graph.svg", "point=3&layers=2"),
        ("/steps", "point=3&layers=2"), ("/static/play.css", ""), ("/nothing", ""),
        ("/train", "seed=x"), ("/train", "x" * 10_000), ("/static/../server.py", ""),
    ]:  # fmt: skip
        alone = answer(place, query)
        served = client.get(f"{place}?{query}")
        assert (served.status_code, served.content) == (alone.status, alone.body)
        told = dict(served.headers)
        assert told.pop("content-length") == str(len(alone.body))
        assert told == alone.headers


def test_only_a_head_is_sent_without_its_body(client):
    head, whole = client.request("HEAD", "/train"), client.get("/train")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers == whole.headers


def test_it_speaks_http_alone(client):
    with pytest.raises(ValueError, match="websocket"):
        asyncio.run(client.app({"type": "websocket"}, None, None))


def test_an_error_in_an_answer_is_one_of_the_server(client, monkeypatch):
    monkeypatch.setattr(server, "answer", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        client.get("/train")


# -- the server


def asked(address, **options):
    """What a server of this machine answers, which no proxy knows; a busy one takes its time."""
    return httpx.get(address, trust_env=False, timeout=60, **options)


def test_the_extra_is_named_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(ImportError, match=re.escape('pip install "micrograd-es[play]"')):
        play.serve(0)


def test_there_is_no_port_70000():
    with pytest.raises(ValueError, match="70000"):
        play.serve(70000, open_browser=False)


def test_the_server_answers_this_machine_and_says_where():
    script = "from micrograd_es.play import serve; serve(0, open_browser=False)"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as run:
        try:
            address = run.stdout.readline().split()[0]
            assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", address)
            assert "micrograd_es" in asked(address).text
            port = int(address.rstrip("/").rpartition(":")[2])
            with pytest.raises(OSError, match="in use") as taken:
                play.serve(port, open_browser=False)
            assert taken.value.filename == f"127.0.0.1:{port}"
        finally:
            run.terminate()


def test_whoever_lets_others_in_is_told_who_they_are():
    script = "from micrograd_es.play import serve; serve(0, open_browser=False, host={!r})"
    for host, warns in (("0.0.0.0", True), ("127.0.0.1", False), ("localhost", False)):
        with subprocess.Popen(
            [sys.executable, "-c", script.format(host)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        ) as run:  # fmt: skip
            try:
                address = run.stdout.readline().split()[0]
                assert asked(address).status_code == 200
                foreign = {"host": "example.org"}
                assert asked(address, headers=foreign).status_code == 400
            finally:
                run.terminate()
            said = run.stderr.read()
        assert said.startswith(f"Atención: cualquiera que llegue por la red a {address}") == warns
        assert (said == "") != warns


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.name.invalid", "."])
def test_an_address_that_is_not_this_machines(host, capsys):
    assert main(["play", "--host", host]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_ctrl_c_ends_it_whatever_runs():
    script = """
import os, time
from micrograd_es.play import serve, server
def answer(*_):
    os.write(1, b"begun\\n")  # of two at once, each is a line
    time.sleep(600)  # nothing that is bounded
server.answer, server._SECONDS_WAITING = answer, 600
serve(0, open_browser=False)
"""
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as run:
        try:
            host, port = run.stdout.readline().split()[0].strip("/").split("/")[-1].split(":")
            asking = [socket.create_connection((host, int(port))) for _ in range(41)]
            for one in asking:
                one.sendall(b"GET /train HTTP/1.1\r\nHost: localhost\r\n\r\n")
            for one in asking:  # it waits for an answer, and none comes
                one.settimeout(0.01)
                with pytest.raises(TimeoutError):
                    one.recv(1)
            assert [run.stdout.readline() for _ in range(2)] == ["begun\n"] * 2
            run.send_signal(signal.SIGINT)
            assert "Exception in" not in run.communicate(timeout=60)[1]
        finally:
            run.kill()
            for one in asking:
                one.close()


def test_small_answers_are_sent_at_once():
    async def is_at_once(listening):
        accepted = asyncio.get_running_loop().create_future()

        class Accepting(asyncio.Protocol):
            def connection_made(self, transport):
                ours = transport.get_extra_info("socket")
                accepted.set_result(ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
                transport.close()

        server = await asyncio.get_running_loop().create_server(Accepting, sock=listening)
        async with server:
            with socket.create_connection(listening.getsockname()):
                return await accepted

    with play._listening(0) as listening:
        assert asyncio.run(is_at_once(listening))


# -- what trains and what tests, noise, penalties, features, weights set by hand


def same(a, b):
    np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("percent", TESTS)
@pytest.mark.parametrize("data", DATA)
def test_a_share_of_each_class_is_held_out(client, data, percent):
    answer = train(client, data=data, test=percent)
    classes = {n: c for n, _x, _y, c in answer["points"]}
    held = [classes[n] for n in answer["held"]]
    assert len(held) == COUNT * percent // 100
    if data != "xor":  # whose classes alternate
        assert held.count(1) == held.count(-1)
    assert bool(answer["tests"]) == bool(held)


def test_a_point_stays_on_its_side_whatever_happens_to_others(client):
    before = train(client, test=30)["held"]
    after = train(client, test=30, changes="3_1_1_1*60_0_0_1*61_0_0_-1*7")["held"]
    assert [n for n in after if n < 60] == [n for n in before if n != 7]
    assert train(client, test=30, seed=2)["held"] != before
    assert set(train(client, test=20)["held"]) < set(before)


def test_points_held_out_take_no_part_and_are_counted_apart(client):
    split = {"test": 30, "updates": 20, "layers": "3"}
    answer = train(client, **split)
    without = train(client, updates=20, layers="3", changes="*".join(map(str, answer["held"])))
    same(answer["parameters"], without["parameters"])
    assert answer["cost"] == pytest.approx(without["cost"])
    kept = [n for n, *_ in answer["points"] if n not in answer["held"]]
    state = State(test=30, updates=20, layers=(3,))
    for numbers, cost in ((kept, answer["cost"]), (answer["held"], answer["tests"][-1][1])):
        costs = [cost_of_point(replace(state, point=n)).data for n in numbers]
        assert np.mean(costs) == pytest.approx(cost, rel=1e-12)
    assert [u for u, _cost in answer["tests"]] == list(range(21))


def test_all_points_cannot_be_held_out(client):
    held = train(client, test=10)["held"]
    changes = "*".join(str(n) for n in range(COUNT) if n not in held)
    assert client.get(f"/train?test=10&changes={changes}&lang=en").text == (
        "there has to be at least one point to train with"
    )


def test_noise_moves_the_points_and_comes_from_the_seed():
    calm, noisy = (np.array(points("circles", 3, noise)) for noise in (0.0, 0.2))
    np.testing.assert_array_equal(calm[:, 2], noisy[:, 2])
    assert 0.1 < np.std((noisy - calm)[:, :2]) < 0.3
    assert points("circles", 3, 0.2) == points("circles", 3, 0.2)
    assert np.abs(points("circles", 3, 0.5)).max() <= EDGE


@pytest.mark.parametrize("loss", LOSSES)
def test_penalties_are_those_of_pytorch(client, loss):
    torch = pytest.importorskip("torch")
    start = {"loss": loss, "layers": "3", "updates": 12}
    plain = train(client, **start)
    answer = train(client, **start, l1="0.02", l2="0.03")
    # at the same parameters, by what the penalty adds to cost and gradient
    edits = "*".join(f"12_{i}_{x:.4f}" for i, x in enumerate(plain["parameters"]))
    at = train(client, **start, edits=edits)
    penalised = train(client, **start, edits=edits, l1="0.02", l2="0.03")
    assert at["parameters"] == penalised["parameters"]
    theta = torch.tensor(at["parameters"], dtype=torch.float64, requires_grad=True)
    weights = theta[[i for i, label in enumerate(at["labels"]) if label.startswith("w")]]
    penalty = 0.02 * weights.abs().sum() + 0.03 * (weights**2).sum()
    penalty.backward()
    assert penalised["cost"] - at["cost"] == pytest.approx(penalty.item(), rel=1e-9)
    same(np.subtract(penalised["gradient"], at["gradient"]), theta.grad.numpy())
    assert np.square(answer["parameters"]).sum() < np.square(plain["parameters"]).sum()


def test_features_are_what_they_say():
    assert FEATURES.keys() == WRITTEN.keys()
    x, y = 0.3, -1.2
    values = [v.data for v in seen(FEATURES, point(x, y))]
    same(values, [x, y, x * x, y * y, x * y, np.sin(np.pi * x), np.sin(np.pi * y)])


def test_a_network_sees_the_features_asked_for(client):
    answer = train(client, layers="", features="x1x1-x2x2", data="circles", lr="0.05", updates=200)
    assert answer["inputs"] == ["(x⁽¹⁾)²", "(x⁽²⁾)²"]
    assert answer["labels"] == ["w₍₁₎⁽¹·¹⁾", "w₍₁₎⁽¹·²⁾", "b₍₁₎⁽¹⁾"]
    assert not answer["wrong"]  # a circle is a line in these
    (u, v, b), n = answer["parameters"], answer["cells"]
    line = np.linspace(-EDGE, EDGE, n) ** 2
    score = b + u * line[None, :] + v * line[:, None]
    np.testing.assert_allclose(
        np.reshape(answer["map"], (n, n)), 1000 * score.clip(-1, 1), atol=0.51
    )
    graph = client.get("/graph.svg?layers=&features=x1x1-x2&point=3").text
    assert "x⁽¹⁾" in graph


def test_a_weight_set_by_hand_is_that_from_its_update_on(client):
    start = {"layers": "3", "lr": "0.2", "updates": 30}
    plain = train(client, **start)
    edited = train(client, **start, edits="10_0_0.5*10_12_-1.25*20_3_2")
    assert edited["curve"][:10] == plain["curve"][:10]
    assert edited["curve"][10] != plain["curve"][10]
    for update, set_there in [(9, {}), (10, {0: 0.5, 12: -1.25}), (20, {3: 2.0})]:
        at = train(client, **start | {"updates": update}, edits="10_0_0.5*10_12_-1.25*20_3_2")
        for i, x in set_there.items():
            assert at["parameters"][i] == x
    training.cache_clear()
    again = train(client, **start, edits="20_3_2*10_12_-1.25*10_0_0.5")
    assert again["parameters"] == edited["parameters"]
    at = train(client, **start | {"updates": 10}, edits="10_0_0.5*10_12_-1.25")
    after = train(client, **start | {"updates": 11}, edits="10_0_0.5*10_12_-1.25")
    same(after["parameters"], np.subtract(at["parameters"], np.multiply(0.2, at["gradient"])))


def test_points_of_ones_own_are_all_there_is(client):
    answer = train(client, data="own", changes="0_1_1_1*7_-1_-1_-1", updates=30)
    assert answer["points"] == [[0, 1, 1, 1], [7, -1, -1, -1]]
    assert answer["cost"] < answer["curve"][0][1]
    assert client.get("/train?data=own&lang=en").text == "there has to be at least one point"
    refused = client.get("/train?data=own&changes=0_1_1_1*7&lang=en").text
    assert refused == "only the points of the data set can be missing"


# -- what is drawn beside it


def test_the_map_of_a_neuron_is_its_output_in_the_plane(client):
    state = {"layers": "3", "features": "x1-x1x2", "updates": 8}
    maps = client.get("/maps", params=state).json()
    n, theta = maps["cells"], train(client, **state)["parameters"]
    assert maps["updates"] == 8
    line = np.linspace(-EDGE, EDGE, n)
    x, y = map(np.ravel, np.meshgrid(line, line))
    seen_ = np.array([x, x * y])
    block = np.reshape(theta[:9], (3, 3))
    hidden = np.tanh(block[:, :2] @ seen_ + block[:, 2:])
    output = theta[9:12] @ hidden + theta[12]
    for told, expected in zip(maps["neurons"], [*seen_, *hidden, output]):
        np.testing.assert_allclose(told, 1000 * expected / np.abs(expected).max(), atol=0.51)
    assert len(maps["neurons"]) == 6


def test_a_dead_neuron_has_an_empty_map(client):
    edits = "*".join(f"0_{i}_{x}" for i, x in enumerate((0, 0, -1)))
    maps = client.get("/maps", params={"layers": "2", "activation": "relu", "edits": edits}).json()
    assert set(maps["neurons"][2]) == {0}


@pytest.mark.parametrize("updates", [0, 1, 2, 30, 400])
def test_the_landscape_is_the_cost_around_the_way(client, updates):
    state = {"layers": "2", "updates": updates, "l2": "0.01"}
    answer = train(client, **state)
    told = client.get("/landscape", params=state).json()
    side, way = told["side"], np.array(told["way"])
    costs = np.reshape(told["costs"], (side, side))
    assert told["updates"] == updates
    assert np.abs(way).max() <= 1
    # where the way is now, the landscape is as high as the cost
    column, row = (way[-1] + 1) / 2 * (side - 1)
    i, j = int(column), int(row)
    near = costs[j : j + 2, i : i + 2]
    slack = 0.05 * (costs.max() - costs.min()) + 1e-9
    assert near.min() - slack <= answer["cost"] <= near.max() + slack
    # lengths on it are lengths between parameters
    begin = train(client, **state | {"updates": 0})["parameters"]
    whole = np.linalg.norm(np.subtract(begin, answer["parameters"]))
    shown = told["radius"] * np.linalg.norm(way[0] - way[-1])
    assert shown <= whole * 1.001 + 1e-9
    assert shown >= 0.5 * whole
    training.cache_clear()
    train(client, **state)
    assert client.get("/landscape", params=state).json() == told


def test_the_numbers_of_the_picked_point_are_those_of_its_graph(client):
    answer = train(client, layers="2", point=3, updates=5)
    cost = cost_of_point(State(layers=(2,), point=3, updates=5))
    nodes = BackwardPass(cost).nodes
    assert [data for data, _grad in answer["picked"]] == [node.data for node in nodes]
    assert [grad for _data, grad in answer["picked"]] == [node.grad for node in nodes]
    assert "picked" not in train(client, layers="2", updates=5)
    assert len(train(client, layers="16-16-16-16", point=3)["picked"]) == 1


@pytest.mark.parametrize(
    ("number", "sent"), [(1.5, 1.5), (inf, "Infinity"), (-inf, "-Infinity"), (nan, "NaN")]
)
def test_numbers_that_json_has_not_are_sent_by_the_names_of_javascript(number, sent):
    assert _numbers(Value(number)) == [[sent, None]]


def test_the_answers_need_no_thread_no_socket_and_no_server():
    """As in a worker of a browser, which has none of them."""
    program = """
import sys
for name in ("rich", "uvicorn", "starlette", "asyncio", "multiprocessing"):
    sys.modules[name] = None
import _thread
def none(*_args, **_options):
    raise RuntimeError("can't start new thread")
_thread.start_new_thread = _thread.start_joinable_thread = none
from socket import socket
socket.__init__ = none
from micrograd_es.play.answers import _numbers, answer
for path, query in [
    ("/", "lang=en"), ("/train", "updates=30&point=3&test=20"), ("/maps", "updates=30"),
    ("/landscape", "updates=30"), ("/steps", "layers=2&point=3"),
    ("/graph.svg", "point=3&layers=2"),
    ("/static/play.js", ""), ("/palette.css", ""), ("/icon.svg", ""),
]:
    assert answer(path, query).status == 200, path
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


# -- browsers of 2022: Chrome 100, Safari 15.4, Firefox 100

NEWER = [
    "light-dark(", "color-mix(", ":has(", "@container", "oklch(", "text-wrap", "dvh", "svh",
    "@starting-style", "popover", ".toSorted(", ".toReversed(", ".with(", "withResolvers",
    "groupBy(", "fromAsync", "scrollend", "AbortSignal.", "checkVisibility", "(?<",
    "requestIdleCallback",
]  # fmt: skip


def test_the_page_uses_nothing_that_browsers_of_2022_lack():
    folder = files("micrograd_es.play")
    for kind in ("static", "templates"):
        for file in folder.joinpath(kind).iterdir():
            text = file.read_text("utf-8")
            for feature in NEWER:
                assert feature not in text, f"{feature} in {file.name}"
            if file.name.endswith(".css"):  # a rule inside a rule is nesting, of 2023
                rules = re.sub(r"@(media|page)[^{]*", "", text)
                assert not re.search(r"\{[^{}]*[a-z\]] *\{(?![^{}]*\})", rules)
                assert not re.search(r"[;{]\s*&", rules)
