"""The training page in a browser: mouse, touch, keys, and the address that holds it all."""

import math
import re
import socket
import struct
import threading
import time
from contextlib import contextmanager
from random import Random
from urllib.parse import parse_qs, urljoin, urlsplit

import pytest
import uvicorn

from conftest import PATIENCE, expect, location
from micrograd_es import MLP, draw_network, play
from micrograd_es.base.palette import DARK, LIGHT
from micrograd_es.base.reading import read_number
from micrograd_es.formulas.notation import number
from micrograd_es.play.state import LOSSES

pytestmark = pytest.mark.browser


@contextmanager
def served(app):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture(scope="module")
def address():
    with served(play.app()) as address:
        yield address


@pytest.fixture
def start(visit, address):
    def start(query="", **options):
        page = visit(f"{address}?{query}", **options)
        settled(page)
        return page

    return start


def settled(page):
    page.wait_for_selector("body[data-asking=no]")


def until(page, script):
    """Waits for an expression to hold, without the eval that the page's policy forbids."""
    page.evaluate(
        f"""() => new Promise((done, fail) => {{
            const end = Date.now() + {PATIENCE};
            const look = () => {{
                if ({script}) done();
                else if (Date.now() > end) fail(Error("never"));
                else requestAnimationFrame(look);
            }};
            look();
        }})"""
    )


def click(page, selector):
    page.click(selector)
    settled(page)


def travel(page, way):
    """Goes back or forward: the page hears of it in the moment in which its address changes."""
    before = location(page)
    way()
    until(page, f"location.href !== {before!r}")
    settled(page)


def reached(ask, url):
    """The answer to what is asked again until its training is that far."""
    while (answer := ask(url)).status == 503:
        pass
    return answer


def state(page):
    return {name: texts[0] for name, texts in parse_qs(urlsplit(location(page)).query).items()}


def updates(page):
    return int(page.inner_text("#updates"))


def place(page, x, y):
    """The pixel of a place of the plane."""
    box = page.locator("#plane").bounding_box()
    return box["x"] + box["width"] * (x + 2) / 4, box["y"] + box["height"] * (2 - y) / 4


def point(page, n):
    return page.locator(f'.point[data-n="{n}"]')


ALONE = "changes=3_-1.7_1.7_-1"  # point 3 where no other is near


def where(page, n):
    x, y = map(float, re.findall(r"-?[\d.]+", point(page, n).get_attribute("transform")))
    return x / 100, -y / 100


def test_it_loads_in_spanish_and_shows_everything(start):
    page = start()
    assert page.title() == "Entrenar una red · micrograd_es"
    assert page.locator(".point").count() == 60
    assert updates(page) == 0
    assert page.locator("#network .weight").count() == 2 * 4 + 4 * 4 + 4
    assert page.locator("#plane .boundary").get_attribute("d")
    assert page.is_disabled("#back")
    assert state(page) == {}


def test_one_update_back_and_to_the_start(start):
    page = start()
    first = page.inner_text("#cost")
    click(page, "#step")
    click(page, "#step")
    assert updates(page) == 2
    assert state(page) == {"updates": "2"}
    second = page.inner_text("#cost")
    assert second != first
    click(page, "#back")
    assert updates(page) == 1
    click(page, "#start")
    assert updates(page) == 0
    assert page.inner_text("#cost") == first
    page.locator("#time").focus()
    page.keyboard.press("End")  # the slider goes to the furthest update again
    settled(page)
    assert updates(page) == 2
    assert page.inner_text("#cost") == second


def test_it_runs_and_rests(start):
    page = start()
    page.clock.install()
    page.click("#run")
    assert page.inner_text("#run") == "Pausa"
    assert page.get_attribute("#updates", "aria-live") == "off"  # too quick to be read out
    until(page, "Number(document.getElementById('updates').textContent) >= 3")
    click(page, "#run")
    assert page.inner_text("#run") == "Entrenar"
    assert page.get_attribute("#updates", "aria-live") == "polite"
    rested = updates(page)
    page.clock.run_for(5000)
    settled(page)
    assert updates(page) == rested
    assert state(page)["updates"] == str(rested)


def test_the_address_brings_everything_back(start):
    query = (
        "data=xor&layers=3-2&activation=relu&loss=hinge&lr=0.05&seed=4&updates=12"
        "&changes=5*7_1_-1_1&point=7"
    )
    page = start(query)
    assert updates(page) == 12
    assert page.locator(".point").count() == 59
    assert where(page, 7) == (1, -1)
    assert point(page, 7).get_attribute("aria-pressed") == "true"
    assert page.input_value("[name=data]") == "xor"
    assert page.input_value("[name=loss]") == "hinge"
    assert page.input_value("[name=lr]") == "0.05"
    assert [box.input_value() for box in page.locator("#neurons input").all()] == ["3", "2"]
    assert page.input_value("#x") == "1"
    assert state(page) == {name: texts[0] for name, texts in parse_qs(query).items()}
    cost = page.inner_text("#cost")
    page.reload()
    settled(page)
    assert page.inner_text("#cost") == cost


def test_a_point_is_dragged_and_training_starts_anew(start):
    page = start(f"updates=5&{ALONE}")
    before = page.inner_text("#cost")
    page.mouse.move(*place(page, *where(page, 3)))
    page.mouse.down()
    page.mouse.move(*place(page, 0, 0), steps=3)
    page.mouse.move(*place(page, 1.5, 1.5), steps=3)
    page.mouse.up()
    settled(page)
    assert where(page, 3) == pytest.approx((1.5, 1.5), abs=0.03)
    assert state(page)["changes"].startswith("3_1.5")
    assert updates(page) == 5
    assert page.inner_text("#cost") != before
    assert page.is_hidden("#picked")  # a drag picks nothing
    click(page, "#restore")
    assert page.is_hidden("#restore")
    assert state(page) == {"updates": "5"}


def test_points_are_added_and_deleted_with_the_mouse(start):
    page = start()
    page.check('[name=tool][value="1"]')
    page.mouse.click(*place(page, -1.5, -1.5))
    settled(page)
    assert where(page, 60) == pytest.approx((-1.5, -1.5), abs=0.03)
    assert "positive" in point(page, 60).get_attribute("class")
    page.check('[name=tool][value="-1"]')
    page.mouse.click(*place(page, 1.5, 1.7))
    settled(page)
    assert "negative" in point(page, 61).get_attribute("class")
    page.check("[name=tool][value=delete]")
    page.mouse.click(*place(page, -1.5, -1.5))
    settled(page)
    assert page.locator(".point").count() == 61
    assert point(page, 60).count() == 0


def test_points_with_keys_alone(start):
    page = start()
    point(page, 0).focus()
    x, y = where(page, 0)
    for key in ("ArrowRight", "ArrowUp"):
        page.keyboard.press(key)
        settled(page)
    assert where(page, 0) == pytest.approx((x + 0.05, y + 0.05))
    page.keyboard.press("Shift+ArrowLeft")
    settled(page)
    assert where(page, 0) == pytest.approx((x - 0.2, y + 0.05))
    page.keyboard.press("PageDown")
    assert page.evaluate("document.activeElement.dataset.n") == "1"
    page.keyboard.press("Enter")
    settled(page)
    assert page.is_visible("#picked")
    page.keyboard.press("+")
    settled(page)
    until(page, "document.activeElement.dataset.n === '60'")
    page.keyboard.press("Delete")
    settled(page)
    assert page.locator(".point").count() == 60
    assert page.evaluate("document.activeElement.classList.contains('point')")


def test_a_point_is_dragged_with_a_finger(start):
    page = start(ALONE, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    point(page, 3).scroll_into_view_if_needed()
    (x, y), (u, v) = place(page, *where(page, 3)), place(page, 1.5, 1)
    session = page.context.new_cdp_session(page)

    def touch(kind, *points):
        points = [{"x": x, "y": y} for x, y in points]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", (x, y))
    touch("touchMove", ((x + u) / 2, (y + v) / 2))
    touch("touchMove", (u, v))
    touch("touchEnd")
    until(page, "location.search.includes('changes=3_1')")
    settled(page)
    assert where(page, 3) == pytest.approx((1.5, 1), abs=0.03)


def test_settings_train_again_with_as_many_updates(start):
    page = start("updates=8")
    costs = [page.inner_text("#cost")]
    for name, value in [("activation", "relu"), ("loss", "cross_entropy"), ("data", "circles")]:
        page.select_option(f"[name={name}]", value)
        settled(page)
        costs.append(page.inner_text("#cost"))
    page.fill("[name=lr]", "0.5")
    page.keyboard.press("Enter")
    settled(page)
    costs.append(page.inner_text("#cost"))
    click(page, "#more")
    costs.append(page.inner_text("#cost"))
    click(page, "#another")
    assert len(set(costs)) == len(costs)
    assert updates(page) == 8
    assert state(page)["layers"] == "4-4-4"
    assert page.locator("#neurons input").count() == 3
    assert page.locator("#network .neuron").count() == 12 + 2


def test_the_back_button_goes_from_choice_to_choice(start):
    page = start("updates=3")
    cost = page.inner_text("#cost")
    page.select_option("[name=data]", "xor")
    settled(page)
    click(page, "#step")
    click(page, "#fewer")
    point(page, 0).focus()
    page.keyboard.press("ArrowUp")
    settled(page)
    changed = location(page)
    for expected in (
        {"data": "xor", "layers": "4", "updates": "4"},
        {"data": "xor", "updates": "4"},
        {"updates": "3"},
    ):
        travel(page, page.go_back)
        assert state(page) == expected
    assert page.inner_text("#cost") == cost
    assert page.input_value("[name=data]") == "moons"
    assert page.locator("#neurons input").count() == 2
    for _ in range(3):
        travel(page, page.go_forward)
    assert location(page) == changed


def test_no_click_is_lost_however_quick(start):
    page = start()
    page.evaluate("for (let k = 0; k < 12; k++) document.getElementById('step').click()")
    settled(page)
    assert updates(page) == 12
    page.evaluate("for (let k = 0; k < 5; k++) document.getElementById('back').click()")
    settled(page)
    assert updates(page) == 7
    page.evaluate("for (let k = 0; k < 9; k++) document.getElementById('run').click()")
    click(page, "#run")
    assert page.inner_text("#run") == "Entrenar"
    page.check('[name=tool][value="1"]')
    for x in (-1.8, -1.4, 1.8):
        page.mouse.click(*place(page, x, -1.8))
    settled(page)
    assert page.locator(".point").count() == 63


def test_a_point_moves_with_every_key_however_quick(start):
    page = start(ALONE)
    x, y = where(page, 3)
    point(page, 3).focus()
    for key in ("ArrowRight",) * 6 + ("ArrowDown",) * 4:
        page.keyboard.press(key)
    settled(page)
    assert where(page, 3) == pytest.approx((x + 0.3, y - 0.2))
    assert state(page)["changes"] == "3_-1.4_1.5_-1"


def test_focus_stays_where_the_neurons_of_a_layer_are_typed(start):
    page = start("layers=4-4")
    first, second = page.locator("#neurons input").all()
    first.fill("5")
    first.press("Tab")
    page.keyboard.type("6")  # what is there is selected
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    settled(page)
    assert second.input_value() == "8"
    assert state(page)["layers"] == "5-8"


def test_what_is_said_while_it_trains_stays_until_the_next_choice(start):
    page = start()
    page.click("#run")
    page.fill("[name=lr]", "0.1.2")
    page.press("[name=lr]", "Tab")
    said = updates(page)
    until(page, f"Number(document.getElementById('updates').textContent) > {said + 2}")
    assert page.inner_text("#message") == "Un número de 0 a 100, como 0.3 o 0,3."
    page.fill("[name=lr]", "0.2")
    page.press("[name=lr]", "Tab")
    page.wait_for_selector("#message:text-is('')", state="attached")


def test_what_is_seen_while_it_trains_is_what_is_shared_and_goes_along(start):
    page = start()
    page.click("#run")
    until(page, "Number(document.getElementById('updates').textContent) >= 3")
    page.click("#open-share")  # rests
    settled(page)
    assert page.input_value("#part") == f"?updates={updates(page)}"
    page.click("#share >> text=Cerrar")
    page.click("#run")
    rested = updates(page)
    until(page, f"Number(document.getElementById('updates').textContent) > {rested}")
    page.click("[data-lang=en]")
    page.wait_for_selector("html[lang=en] body[data-asking=no]")
    assert updates(page) > rested


def test_what_belongs_to_the_choice_before_is_pale_while_an_answer_takes_its_time(start):
    page = start()
    held = []
    page.route("**/train?*", lambda route: held.append(route))
    with page.expect_request("**/train?*"):
        page.select_option("[name=data]", "xor")
    until(page, "getComputedStyle(document.querySelector('dl')).opacity === '0.4'")
    assert page.locator(".settings").evaluate("e => getComputedStyle(e).opacity") == "1"
    held.pop().continue_()
    settled(page)
    until(page, "getComputedStyle(document.querySelector('dl')).opacity === '1'")


def test_a_training_that_runs_is_in_the_address(start):
    page = start()
    page.click("#run")
    until(page, "Number(new URLSearchParams(location.search).get('updates')) >= 3")
    page.reload()
    settled(page)
    assert updates(page) >= 3


EARLY = """
document.addEventListener("readystatechange", () => {
  if (document.readyState !== "interactive") return; // the page is there, and no script of its own
  document.querySelector("[name=data]").value = "xor";
  document.querySelector("[name=l2]").value = "0,01";
  document.querySelector("[name=feature][value=x1x1]").click();
});
"""


def test_what_is_chosen_before_the_script_has_come_counts(browser, address):
    page = browser.new_page()
    page.add_init_script(EARLY)
    page.goto(f"{address}?lr=0.2")
    settled(page)
    chosen = state(page)
    page.close()
    assert chosen == {"data": "xor", "lr": "0.2", "l2": "0.01", "features": "x1-x2-x1x1"}


def test_the_last_point_stays(start):
    gone = "*".join(map(str, range(1, 60)))
    page = start(f"changes={gone}&point=0")
    click(page, "#delete")
    assert "al menos un punto" in page.inner_text("#message")
    assert page.locator(".point").count() == 1


def test_two_tabs_train_by_themselves(start):
    one, other = start("updates=4"), start("updates=4")
    cost = other.inner_text("#cost")
    click(one, "#step")
    one.fill("[name=lr]", "0.7")
    one.keyboard.press("Enter")
    settled(one)
    click(other, "#back")
    click(other, "#step")
    assert other.inner_text("#cost") == cost
    assert state(other) == {"updates": "4"}


def test_a_large_network_shows_its_graph_folded(start):
    page = start("layers=16-16-16-16&point=3&lang=en")
    page.wait_for_selector("#graph svg")
    picture, steps = (
        page.request.get(urljoin(page.url, page.get_attribute(link, "href")))
        for link in ("#alone", "#steps")
    )
    assert "layer 4" in picture.text()
    assert steps.status == 400
    assert "choose a smaller network" in steps.text()


@pytest.mark.parametrize(
    ("lang", "scheme", "folded", "smaller", "back"),
    [
        ("es", "light", "Ver su grafo", "una sola capa", "Volver"),
        ("en", "dark", "See its graph", "one hidden layer", "Back"),
    ],
)
def test_too_many_steps_are_refused_kindly(browser, address, lang, scheme, folded, smaller, back):
    query = f"layers=16-16-16-16&point=3&updates=2&lang={lang}"
    page = browser.new_page(color_scheme=scheme, viewport={"width": 390, "height": 844})
    assert reached(page.goto, f"{address}steps?{query}").status == 400
    assert page.get_attribute("html", "lang") == lang
    assert page.locator("h1").count() == 1
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    ground, ink = (
        page.evaluate(f"getComputedStyle(document.body).{name}.match(/\\d+/g).map(Number)")
        for name in ("backgroundColor", "color")
    )
    assert (sum(ground) < sum(ink)) == (scheme == "dark")
    links = {
        text: page.get_by_role("link", name=text).get_attribute("href")
        for text in (folded, smaller, back)
    }
    for text, kind in ((folded, "image/svg+xml"), (smaller, "text/html"), (back, "text/html")):
        answer = reached(page.request.get, urljoin(address, links[text]))
        assert answer.status == 200
        assert kind in answer.headers["content-type"]
    page.get_by_role("link", name=back).click()
    settled(page)
    assert state(page)["layers"] == "16-16-16-16"
    page.close()


def test_a_setting_that_makes_no_sense_changes_nothing(start):
    page = start("updates=3")
    cost = page.inner_text("#cost")
    page.fill("[name=lr]", "-1")
    page.keyboard.press("Tab")
    assert page.input_value("[name=lr]") == "0.1"
    assert page.inner_text("#cost") == cost
    assert state(page) == {"updates": "3"}


def test_a_decimal_comma_is_a_point(start):
    page = start("point=3")
    for text, rate in (("0,3", "0.3"), (",25", "0.25"), ("1/8", "0.125"), ("0.5", "0.5")):
        page.fill("[name=lr]", text)
        page.keyboard.press("Enter")
        settled(page)
        assert state(page)["lr"] == rate
        assert page.input_value("[name=lr]") in (text, rate)
    page.fill("#x", "−0,75")
    page.keyboard.press("Enter")
    settled(page)
    assert state(page)["changes"].startswith("3_-0.75_")


@pytest.mark.parametrize("field", ["[name=lr]", "[name=seed]", "#neurons input"])
def test_what_is_no_number_of_its_kind_is_said_and_changes_nothing(start, field):
    page = start("")
    one = page.locator(field).first
    before = one.input_value()
    for text in ("", "one", "1,2,3", "-1", *(["1,5"] if field != "[name=lr]" else [])):
        one = page.locator(field).first
        one.fill(text)
        one.press("Tab")
        assert "número" in page.inner_text("#message")
        assert page.locator(field).first.input_value() == before
    assert state(page) == {}


def test_arrows_change_a_whole_number(start):
    page = start("")
    page.locator("[name=seed]").press("ArrowUp")
    settled(page)
    assert state(page)["seed"] == "2"
    page.locator("#neurons input").first.press("ArrowDown")
    settled(page)
    assert state(page)["layers"] == "3-4"


def test_numbers_are_read_as_python_reads_them(start):
    texts = ["0.3", "0,3", ",3", "3.", "-2", "−2", " +1 ", "1,5e−3", "1E3", "1/4", "−1 / 4", "∞",
             "-inf", "Infinity", "", "one", "1.234,5", "1,234,5", "1 2", "0x10", "1_0", "1/0", "٣",
             "1/", "--1", "2a", "."]  # fmt: skip
    read = start().evaluate(
        """async (texts) => {
            const { read } = await import("/static/reading.js");
            return texts.map(read);
        }""",
        texts,
    )

    def ours(text):
        try:
            return read_number(text)
        except ValueError:
            return None

    assert read == [*map(ours, texts)]


def test_a_training_that_diverges_says_so(start):
    page = start("activation=linear&lr=100&updates=5000")
    assert "se harían infinitos" in page.inner_text("#message")
    assert 0 < updates(page) < 5000
    assert state(page)["updates"] == str(updates(page))


def test_the_language_switch_keeps_the_state(start):
    page = start("data=spiral&updates=4")
    cost = page.inner_text("#cost")
    page.click("text=English")
    page.wait_for_selector("html[lang=en] body[data-asking=no]")
    assert page.title() == "Train a network · micrograd_es"
    assert page.inner_text("#cost") == cost
    assert state(page) == {"data": "spiral", "updates": "4", "lang": "en"}
    page.click("text=Español")
    page.wait_for_selector("html[lang=es] body[data-asking=no]")
    assert page.title().startswith("Entrenar")


def test_weights_stand_in_a_table_too(start):
    page = start("layers=&updates=2")
    page.click("#weights-tab")
    page.wait_for_selector("#weights tr")
    assert page.locator("#weights tr").count() == 3
    assert page.inner_text("#weights tr:last-child th") == "b₍₁₎⁽¹⁾"


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (lambda route: route.abort(), "no responde"),
        (lambda route: route.fulfill(status=400, body="no, gracias"), "no, gracias"),
    ],
)
def test_what_the_server_refuses_changes_nothing(browser, address, answer, told):
    page = browser.new_page()
    page.goto(f"{address}?updates=2")
    settled(page)
    cost = page.inner_text("#cost")
    page.route("**/train*", answer)
    for button in ("#step", "#more", "#run"):
        click(page, button)
        assert told in page.inner_text("#message")
        assert page.inner_text("#cost") == cost
        assert page.inner_text("#run") == "Entrenar"
        assert page.locator("#neurons input").count() == 2
        assert state(page) == {"updates": "2"}
    page.close()


def test_a_busy_server_is_asked_again(browser, address):
    page = browser.new_page()
    page.goto(f"{address}?updates=2")
    settled(page)
    busy = [True, True]

    def answered(route):
        if busy:
            busy.pop()
            route.fulfill(status=503, body="too many requests at once")
        else:
            route.continue_()

    page.route("**/train*", answered)
    click(page, "#step")
    assert updates(page) == 3
    assert page.inner_text("#message") == ""
    page.close()


def test_a_picked_point_shows_its_graph_and_opens_its_backward_pass(start):
    page = start(f"layers=2&updates=10&{ALONE}")
    page.mouse.click(*place(page, *where(page, 3)))
    settled(page)
    assert state(page)["point"] == "3"
    page.wait_for_selector("#graph svg")
    with page.expect_popup() as popup:
        page.click("#steps")
    steps = popup.value
    steps.wait_for_load_state()
    assert steps.locator("svg").count() >= 1
    assert urlsplit(location(steps)).path == "/steps"


def test_on_a_phone_the_picked_point_follows_the_plane(start):
    page = start("point=3", viewport={"width": 390, "height": 844})
    plane, picked, network = (
        page.locator(part).bounding_box()["y"] for part in (".plane", "#picked", ".pictures")
    )
    assert plane < picked < network


@pytest.mark.parametrize("lang", ["es", "en"])
@pytest.mark.parametrize("width", [390, 800, 1280])
def test_every_choice_has_room_for_its_words(start, width, lang):
    page = start(f"lang={lang}", viewport={"width": width, "height": 800})
    cut = page.evaluate(
        """() => [...document.querySelectorAll("select")].filter((select) => {
            const free = select.cloneNode(true);
            free.style.width = "auto";
            select.after(free);
            const needed = free.getBoundingClientRect().width;
            free.remove();
            return needed > select.getBoundingClientRect().width + 1;
        }).map((select) => select.name)"""
    )
    assert cut == []


@pytest.mark.parametrize("size", [(360, 640), (768, 1024), (1366, 768)])
@pytest.mark.parametrize("features", ["x1-x2", "x1-x2-x1x1-x2x2-x1x2-sinx1-sinx2"])
def test_the_words_of_the_pictures_are_read_on_any_screen(start, size, features):
    page = start(f"features={features}", viewport=dict(zip(("width", "height"), size)))
    words = page.locator(".tick, #network text, #curve text").evaluate_all(
        "all => all.map((e) => [e.textContent,"
        " parseFloat(getComputedStyle(e).fontSize) * e.getScreenCTM().d])"
    )
    assert [text for text, pixels in words if pixels < 11] == []
    edge = page.locator("#network").bounding_box()["x"]
    for name in page.locator("#network text").all():
        assert name.bounding_box()["x"] >= edge


@pytest.mark.parametrize("width", [390, 800, 1280])
def test_nothing_is_wider_than_the_screen(start, width):
    page = start("point=3&layers=16-16", viewport={"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_cost_beyond_measure_has_room_beside_the_curve(start):
    page = start("data=circles&activation=relu&lr=100&updates=66")
    assert page.inner_text("#cost") == "1.651e304"
    outside = page.locator("#curve text").evaluate_all(
        """texts => texts.filter((text) => text.getBoundingClientRect().left
            < document.getElementById("curve").getBoundingClientRect().left).length"""
    )
    assert outside == 0


EDGES = [
    0.0, -0.0, 1e-4, 9.9999e-5, 0.00001234, 9999.49, 9999.5, 9999.51, 12345.6, 99999.49, 99999.5,
    99999.9, 1e5, 123456.5, 0.99995, 0.99994999, 1e22, 1.7976931348623157e308, 5e-324, math.inf,
]  # fmt: skip


def test_numbers_are_written_as_python_writes_them(start):
    page = start()
    random = Random(1)
    numbers = [
        *EDGES,
        *(10 ** random.uniform(-8, 9) for _ in range(1500)),
        *(struct.unpack("d", random.randbytes(8))[0] for _ in range(1000)),
        # halfway between two numbers of four digits, and of five
        *(
            random.randrange(2**k) / 2 ** random.randrange(k)
            for k in range(1, 21)
            for _ in range(60)
        ),
        *(n * 10.0**k + 5 * 10.0 ** (k - 1) for k in range(-9, 9) for n in range(1000, 1020)),
    ]
    numbers += [-x for x in numbers]
    assert len(numbers) > 5000
    written = page.evaluate(
        """async (numbers) => {
            const { number } = await import("/static/numbers.js");
            return [...numbers.map(number), number(null)];
        }""",
        numbers,
    )
    assert written == [*map(number, numbers), number(None)]


@pytest.mark.parametrize(("scheme", "colours"), [("light", LIGHT), ("dark", DARK)])
def test_a_weight_looks_as_in_the_picture_of_a_network(start, scheme, colours):
    page = start(color_scheme=scheme)
    for sign, style in (("positive", "solid"), ("negative", "dashed")):
        look = page.locator(f"#network .weight.{sign}").first.evaluate(
            "e => [getComputedStyle(e).stroke, getComputedStyle(e).strokeDasharray]"
        )
        red, green, blue = (int(colours[sign][i : i + 2], 16) for i in (1, 3, 5))
        assert look[0] == f"rgb({red}, {green}, {blue})"
        assert (look[1] == "none") == (style == "solid")
        model = MLP(1, [1])
        model.layers[0].neurons[0].w[0].data = 1.0 if sign == "positive" else -1.0
        (edge,) = (line for line in draw_network(model).source.splitlines() if "->" in line)
        assert f"style={style}" in edge
        assert f'color="{LIGHT[sign]}"' in edge


def test_without_javascript_the_page_says_so(browser, address):
    page = browser.new_page(java_script_enabled=False)
    page.goto(address)
    assert page.locator("noscript p").is_visible()
    page.close()


def test_everything_has_a_name(start):
    page = start("point=3")
    nameless = page.evaluate(
        """() => [...document.querySelectorAll(
            'button, input, select, a, [role=img], [role=button]')]
        .filter((e) => !(e.labels?.length || e.ariaLabel || e.textContent.trim() || e.alt))
        .map((e) => e.outerHTML)"""
    )
    assert nameless == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1366, 360])
def test_axe_finds_nothing(start, accessible, scheme, width):
    page = start("point=3", color_scheme=scheme, viewport={"width": width, "height": 768})
    page.wait_for_selector("#graph svg")
    accessible(page)
    for tab, drawn in (("#landscape-tab", "#landscape .now"), ("#weights-tab", "#weights tr")):
        page.click(tab)
        page.wait_for_selector(drawn)
        accessible(page)
    if width > 700:
        click(page, "#class-mode")
        accessible(page)


# -- the picked point is the way to its graph and its backward pass


SIZES = [(360, 640), (768, 1024), (1366, 768), (1920, 1080), (3840, 2160)]


def seen(page, selector):
    """Whether all of it is on the screen, without scrolling, and nothing lies over it."""
    return page.locator(selector).evaluate(
        """e => {
            const box = e.getBoundingClientRect();
            const inside = box.width > 0 && box.top >= 0 && box.left >= 0
                && box.bottom <= innerHeight && box.right <= innerWidth;
            const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
            return inside && (e === top || e.contains(top));
        }"""
    )


@pytest.mark.parametrize("size", [(640, 360), (683, 384), (844, 390)], ids=str)
def test_on_a_low_screen_the_way_to_the_backward_pass_leaves_most_of_the_plane(start, size):
    page = start("point=5", viewport=dict(zip(("width", "height"), size)))
    page.evaluate("document.getElementById('plane').scrollIntoView()")
    box, card = (page.locator(f).bounding_box() for f in ("#plane", ".next"))
    assert seen(page, "#steps")
    assert box["y"] + box["height"] * 0.75 < card["y"]


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_the_way_to_the_backward_pass_is_seen_wherever_a_point_is_picked(start, size):
    page = start(viewport=dict(zip(("width", "height"), size)))
    assert seen(page, "#call")
    assert page.is_hidden("#card")
    point(page, 40).dispatch_event("click")
    settled(page)
    for part in ("#picked-name", "#steps", "#see-graph"):
        assert seen(page, part)
    assert "Punto 40" in page.inner_text("#picked-name")
    page.click("#see-graph")
    page.wait_for_selector("#graph svg")
    assert page.evaluate("document.activeElement.id") == "picked-title"
    assert seen(page, "#picked-title")
    cost = page.locator("#graph g.node", has_text="C").last
    assert page.evaluate(
        "([inner, outer]) => inner.right <= outer.right && inner.left >= outer.left",
        [
            part.evaluate("e => { const { left, right } = e.getBoundingClientRect();"
            " return { left, right }; }")
            for part in (cost, page.locator("#graph"))
        ],
    )  # fmt: skip
    page.evaluate("scrollTo(0, 0)")
    page.click("#unpick")
    settled(page)
    assert page.is_visible("#call")


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("view", ["all", "class"])
def test_what_is_worked_with_is_seen_at_once(start, size, view):
    page = start(f"view={view}&point=3&test=20", viewport=dict(zip(("width", "height"), size)))
    page.wait_for_selector("#graph svg")
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    for part in ("#run", "#cost", ".map", ".next"):
        box = page.locator(part).bounding_box()
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= size[1]
    if size[0] > 1000:  # on a phone the network follows the plane
        for part in (".legend", "#network", "#curve"):
            box = page.locator(part).bounding_box()
            assert box["y"] + box["height"] <= size[1]


def test_class_mode_hides_the_settings_and_enlarges_the_rest(start):
    page = start(viewport={"width": 1366, "height": 768})
    before = {part: page.locator(part).bounding_box() for part in (".map", "#run")}
    click(page, "#class-mode")
    assert state(page) == {"view": "class"}
    assert page.is_hidden(".settings")
    assert page.get_attribute("#class-mode", "aria-pressed") == "true"
    for part, box in before.items():
        assert page.locator(part).bounding_box()["height"] > box["height"]
    page.reload()
    settled(page)
    assert page.is_hidden(".settings")
    click(page, "#class-mode")
    assert page.is_visible(".settings")
    assert state(page) == {}


def numbers_of_the_graph(page):
    return [
        [text.text_content() for text in node.locator("text").all()[-2:]]
        for node in page.locator("#graph g.node[id^=n]").all()
    ]


@pytest.mark.parametrize("loss", LOSSES)
def test_the_graph_of_the_picked_point_is_live(start, loss):
    page = start(f"layers=2&point=3&loss={loss}")
    page.wait_for_selector("#graph svg")
    drawn = page.locator("#graph svg").element_handle()
    before = numbers_of_the_graph(page)
    page.click("#run")
    until(page, "Number(document.getElementById('updates').textContent) >= 5")
    assert drawn.evaluate("e => e.isConnected")  # not drawn anew, so that nothing jumps
    assert numbers_of_the_graph(page) != before
    click(page, "#run")
    settled(page)
    cost = page.inner_text("#picked-cost").removeprefix("C = ")
    until(page, f"document.getElementById('alone').href.includes('updates={updates(page)}')")
    until(page, f"document.getElementById('graph').textContent.includes('{cost}')")
    live = numbers_of_the_graph(page)
    page.reload()
    settled(page)
    page.wait_for_selector("#graph svg")
    assert numbers_of_the_graph(page) == live


def test_another_network_has_another_graph_while_it_trains_too(start):
    page = start("layers=2&point=3")
    page.wait_for_selector("#graph svg")
    page.click("#run")
    page.select_option("[name=activation]", "relu")
    graph = expect(page.locator("#graph"))
    graph.to_contain_text("relu")
    graph.not_to_contain_text("tanh")
    page.click("#more")
    expect(page.locator("#graph g.node[id^=n]")).to_have_count(40)
    assert page.get_attribute("#run", "aria-pressed") == "true"


# -- weights and maps


def weight(page, index):
    return page.locator(f'#network [data-parameter="{index}"]')


def test_a_weight_is_read_where_one_points_and_set_where_one_clicks(start):
    page = start("layers=2&updates=4&lang=en")
    assert page.is_hidden("#parameter-row")
    weight(page, 2).dispatch_event("pointerover")
    assert page.inner_text("#parameter-name") == "b₍₁₎⁽¹⁾"
    page.locator("#network").dispatch_event("pointerleave")
    assert page.is_hidden("#parameter-row")
    page.locator("#network .neuron").first.click()
    assert page.evaluate("document.activeElement.id") == "parameter"
    page.keyboard.type("1,5")
    page.keyboard.press("Enter")
    settled(page)
    assert state(page) == {"layers": "2", "updates": "4", "edits": "4_2_1.5", "lang": "en"}
    assert page.input_value("#parameter") == "1.5"
    assert page.inner_text("#parameter-gradient").startswith("∂C/∂b₍₁₎⁽¹⁾ = ")
    cost = page.inner_text("#cost")
    click(page, "#back")
    page.locator("#time").focus()
    page.keyboard.press("End")
    settled(page)
    assert page.inner_text("#cost") == cost
    click(page, "#step")
    assert state(page)["edits"] == "4_2_1.5"
    click(page, "#start")
    page.locator("#network .neuron").first.click()
    page.keyboard.type("2")
    page.keyboard.press("Enter")
    settled(page)
    assert state(page)["edits"] == "0_2_2"  # what was set later belonged to another way
    click(page, "#restore-weights")
    assert "edits" not in state(page)
    assert page.is_hidden("#restore-weights")


def test_weights_with_keys_alone(start):
    page = start("layers=2&lang=en")
    weight(page, 0).focus()
    assert "w₍₁₎⁽¹·¹⁾ = " in weight(page, 0).get_attribute("aria-label")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.dataset.parameter") == "2"
    page.keyboard.press("End")
    assert page.inner_text("#parameter-name") == "b₍₂₎⁽¹⁾"
    page.keyboard.press("Enter")
    page.keyboard.type("0.5")
    page.keyboard.press("Enter")
    settled(page)
    assert state(page)["edits"] == "0_8_0.5"
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.dataset.parameter") == "8"
    page.keyboard.press("Enter")
    page.keyboard.type("100,5")
    page.keyboard.press("Tab")
    assert "A number from -100" in page.inner_text("#message")
    assert page.input_value("#parameter") == "0.5"


def test_a_weight_is_read_with_a_finger(start):
    page = start(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    neuron = page.locator("#network .neuron").first
    neuron.scroll_into_view_if_needed()
    neuron.tap()
    # the click comes later than the touch, which points at it and lets it go
    page.wait_for_selector("#network [aria-pressed=true]")
    assert page.is_visible("#parameter-row")
    assert page.evaluate("document.activeElement.id") != "parameter"  # no keyboard over it


def test_focus_stays_on_a_weight_while_it_trains(start):
    page = start("layers=2")
    weight(page, 4).focus()
    told = page.inner_text("#parameter-gradient")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    click(page, "#step")
    weight(page, 4).focus()
    page.evaluate("document.getElementById('step').click()")
    settled(page)
    assert page.evaluate("document.activeElement.dataset.parameter") == "4"
    assert page.inner_text("#parameter-gradient") != told


def colours(page, canvas, x, y):
    """The colour of a canvas at a share of its width and height."""
    return page.evaluate(
        """([id, x, y]) => {
            const canvas = document.getElementById(id);
            const place = [Math.floor(x * canvas.width), Math.floor(y * canvas.height)];
            return [...canvas.getContext("2d").getImageData(...place, 1, 1).data];
        }""",
        [canvas, x, y],
    )


def test_each_neuron_shows_the_map_of_its_output(start):
    page = start("layers=2")
    until(page, "document.getElementById('neuron-maps').dataset.painted")
    boxes = page.locator("#network .neuron, #network .input")
    assert boxes.count() == 2 + 3
    first = boxes.first  # x⁽¹⁾: negative on the left, positive on the right
    x, y, side = (float(first.get_attribute(name)) for name in ("x", "y", "width"))
    left, right = (
        colours(page, "neuron-maps", (x + share * side) / 480, (y + side / 2) / 270)
        for share in (0.08, 0.92)
    )
    for seen, name in ((left, "negative-soft"), (right, "positive-soft")):
        expected = [int(LIGHT[name][i : i + 2], 16) for i in (1, 3, 5)]
        assert seen[:3] == pytest.approx(expected, abs=24)  # a little inside
    whole = colours(page, "map", 0.1, 0.1)
    page.locator("#network .neuron").nth(1).hover()
    assert colours(page, "map", 0.1, 0.1) != whole  # that of the neuron covers the plane
    page.mouse.move(1, 1)
    assert colours(page, "map", 0.1, 0.1) == whole
    page.uncheck("#maps")
    assert colours(page, "neuron-maps", (x + side / 2) / 480, (y + side / 2) / 270)[3] == 0


def test_maps_that_are_not_shown_are_not_asked_for(start):
    page = start()
    page.clock.install(time=0)
    page.reload()  # so that all that waits there does so by this clock
    painted = "#neuron-maps[data-painted]"
    page.wait_for_selector(painted)
    settled(page)
    page.uncheck("#maps")
    asked = []
    asks = re.compile("/(train|maps|landscape)$")
    page.on("request", lambda r: asked.extend(asks.findall(urlsplit(r.url).path)))
    page.click("#run")
    until(page, "Number(document.getElementById('updates').textContent) >= 12")
    click(page, "#run")
    assert asked.count("train") >= 12
    assert set(asked) == {"train"}
    page.clock.pause_at(3600)  # from here on time is what the test makes of it
    page.clock.run_for(1000)  # until nothing rests any more
    forget = "delete document.getElementById('neuron-maps').dataset.painted"
    page.evaluate(forget)
    page.check("#maps")
    page.wait_for_selector(painted)
    asked.clear()
    click(page, "#run")
    for _ in range(20):
        page.evaluate(forget)
        before = asked.count("maps")
        page.clock.run_for(50)
        settled(page)
        if asked.count("maps") > before:
            page.wait_for_selector(painted)  # so that it took no time
    click(page, "#run")
    assert 1 <= asked.count("maps") <= asked.count("train") / 4  # every 200 ms


# -- test, noise, penalties, features, points of one's own, the landscape


def test_points_held_out_are_told_apart_and_counted_apart(start):
    page = start("updates=5")
    assert page.is_hidden("#test-cost")
    page.select_option("[name=test]", "30")
    settled(page)
    assert state(page)["test"] == "30"
    assert page.locator(".point.held").count() == 18
    assert page.inner_text("#right").endswith("de 42")
    assert page.inner_text("#test-right").endswith("de 18")
    assert page.inner_text("#test-cost") not in ("—", page.inner_text("#cost"))
    assert page.get_attribute("#curve .tests", "points")
    label = page.locator(".point.held").first.get_attribute("aria-label")
    assert "para la prueba" in label
    assert re.search(r"clase −?1,", label)  # a minus sign, as everywhere


def test_noise_penalties_and_features(start):
    page = start("updates=3")
    costs = [page.inner_text("#cost")]
    page.select_option("[name=noise]", "0.2")
    settled(page)
    costs.append(page.inner_text("#cost"))
    for name in ("l1", "l2"):
        page.fill(f"[name={name}]", "0,05")
        page.keyboard.press("Enter")
        settled(page)
        costs.append(page.inner_text("#cost"))
    for feature in ("x1x1", "sinx2"):
        page.check(f"[name=feature][value={feature}]")
        settled(page)
        costs.append(page.inner_text("#cost"))
    assert state(page)["features"] == "x1-x2-x1x1-sinx2"
    assert page.locator("#network .input").count() == 4
    assert "(x⁽¹⁾)²" in page.locator("#network").text_content()
    assert len(set(costs)) == len(costs)
    for feature in ("x1", "x2", "sinx2"):
        page.uncheck(f"[name=feature][value={feature}]")
        settled(page)
    assert page.is_disabled("[name=feature][value=x1x1]")  # something has to go in
    travel(page, page.go_back)
    assert page.is_checked("[name=feature][value=sinx2]")


PASTED = [
    ("0.5, 1.2, 1\n-1, 0.25, -1", "0_0.5_1.2_1*1_-1_0.25_-1"),
    ("0,5;1,2;1\r\n-1;0,25;-1\r\n", "0_0.5_1.2_1*1_-1_0.25_-1"),
    ("0,5\t1,2\tsí\n−1\t0,25\tno", "0_0.5_1.2_-1*1_-1_0.25_1"),
    ("x y clase\n0,5 1,2 1\n-1 0,25 0", "0_0.5_1.2_1*1_-1_0.25_-1"),
    ('"x","y","c"\n"0.5","1.2","B"\n\n"-1","0.25","A"', "0_0.5_1.2_-1*1_-1_0.25_1"),
    ("0,5, 1,2, 1", "0_0.5_1.2_1"),
    ("0,1,1", "0_0_1_1"),
    ("150 60 A\n190 90 B\n170 75 A", "0_-1.8_-1.8_-1*1_1.8_1.8_1*2_0_0_-1"),
]


@pytest.mark.parametrize(("text", "changes"), PASTED)
def test_points_are_pasted_as_text(start, text, changes):
    page = start("updates=2&point=3")
    page.select_option("[name=data]", "own")
    page.fill("#pasted", text)
    click(page, "#take")
    assert state(page) == {"data": "own", "changes": changes, "updates": "2"}
    assert page.locator(".point").count() == changes.count("*") + 1
    assert page.input_value("[name=data]") == "own"
    assert ("estiró" in page.inner_text("#message")) == ("150" in text)
    assert page.is_hidden("#restore")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "There is no point"),
        ("a b c", "There is no point"),
        ("0 0 1\n1 1", "Line 2 makes no sense: “1 1”"),
        ("0 0 1\n1 uno 1", "Line 2"),
        ("0 0 1\n1 1 2\n1 0 3", "3 classes"),
        ("\n".join(["0 0 1"] * 201), "no room for more than 200"),
    ],
)
def test_a_text_without_points_says_what_is_wrong(start, text, told):
    page = start("lang=en")
    page.click("#open-paste")
    page.fill("#pasted", text)
    page.click("#take")
    assert told in page.inner_text("#unreadable")
    page.keyboard.press("Escape")
    assert page.input_value("[name=data]") == "moons"
    assert state(page) == {"lang": "en"}


def test_points_of_ones_own_are_moved_added_and_deleted(start):
    page = start("data=own&changes=0_1_1_1*1_-1_-1_-1")
    point(page, 1).focus()
    page.keyboard.press("ArrowUp")
    settled(page)
    page.keyboard.press("+")
    settled(page)
    until(page, "document.activeElement.dataset.n === '2'")
    point(page, 0).focus()
    page.keyboard.press("Delete")
    settled(page)
    assert state(page)["changes"] == "1_-1_-0.95_-1*2_-0.8_-0.95_-1"
    page.select_option("[name=data]", "xor")
    settled(page)
    assert state(page) == {"data": "xor"}
    assert page.locator(".point").count() == 60


def test_the_landscape_has_the_way_of_the_training(start):
    page = start("updates=30")
    page.locator("#curve-tab").focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.id") == "landscape-tab"
    page.wait_for_selector("#landscape .way")
    assert page.is_hidden("#curve-panel")
    way = page.locator("#landscape .way").last.get_attribute("points").split()
    assert len(way) == 31
    assert "Paisaje" in page.get_attribute("#landscape", "aria-label")
    begin = page.evaluate(
        "id => [...document.getElementById(id).getContext('2d').getImageData(0, 0, 1, 1).data]",
        "heights",
    )
    assert begin[3] == 255
    click(page, "#step")
    until(page, "document.querySelector('#landscape .way').points.numberOfItems === 32")


# -- sharing and paper


def test_an_address_of_this_machine_is_not_offered_to_others(start, browser):
    page = start("data=xor&updates=3")
    page.click("#open-share")
    assert page.is_visible("#share-part")
    assert page.is_hidden("#share-address")
    assert page.input_value("#part") == "?data=xor&updates=3"
    page.click("#copy")
    page.wait_for_selector("text=Copiado.")
    shared = page.evaluate(
        """async () => {
            const { canBeShared } = await import("/static/share.js");
            return ["http://localhost:8000/", "http://127.0.0.1:8000/", "http://[::1]:1/",
                "file:///home/page.html", "http://192.168.1.5:8000/", "https://example.org/a/"]
                .map((address) => canBeShared(new URL(address)));
        }"""
    )
    assert shared == [False] * 4 + [True] * 2


def test_maps_follow_the_scheme_at_once_and_without_the_server(start):
    page = start()
    page.wait_for_selector("#neuron-maps[data-painted]")
    page.route("**/maps?*", lambda route: None)
    light = """() => { const { data } = document.getElementById("neuron-maps").getContext("2d")
        .getImageData(0, 0, 960, 540); return data.reduce((sum, x) => sum + x, 0); }"""
    before = page.evaluate(light)
    page.emulate_media(color_scheme="dark")
    until(page, f"({light})() < {0.8 * before}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_printed_page_is_a_handout(start, scheme):
    page = start("point=3&updates=4", color_scheme=scheme)
    page.wait_for_selector("#graph svg")
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    for part in (
        ".buttons",
        ".settings",
        ".tools",
        "#tabs",
        "nav",
        "#steps",
        "#see-graph",
        "#keys",
    ):
        assert page.is_hidden(part)
    for part in (".map", "#network", "#curve", "#weights", "#graph svg", "#cost", "#handout"):
        assert page.is_visible(part)
    assert page.locator("#weights tr").count() == 37
    told = page.inner_text("#handout")
    for word in ("Lunas", "Tasa de aprendizaje: 0.1", "Capas ocultas: 4, 4", "x⁽¹⁾, x⁽²⁾"):
        assert word in told
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == "rgb(255, 255, 255)"
    assert colours(page, "map", 0.5, 0.02)[:3] != [0, 0, 0]
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    page.emulate_media(media="screen")
    assert page.is_visible(".settings")
    assert page.is_hidden("#weights")


def test_the_page_lives_in_a_folder(visit):
    """Everything that it asks for lies beside it."""
    asked = []
    app = play.app()

    async def in_a_folder(scope, receive, send):
        asked.append(scope["path"])
        inside = scope["path"].removeprefix("/a/b")
        await app({**scope, "path": inside}, receive, send)

    with served(in_a_folder) as address:
        page = visit(f"{address}a/b/?point=3&updates=2")
        settled(page)
        page.wait_for_selector("#graph svg")
        page.wait_for_selector("#neuron-maps[data-painted]")
        page.click("#landscape-tab")
        page.wait_for_selector("#landscape .way")
        assert {"/a/b/train", "/a/b/maps", "/a/b/graph.svg", "/a/b/landscape"} <= set(asked)
        assert page.locator("#steps").evaluate("e => new URL(e.href).pathname") == "/a/b/steps"
        assert page.locator("#alone").evaluate("e => new URL(e.href).pathname") == "/a/b/graph.svg"
        page.close()  # before the server ends, which would be told as an error
