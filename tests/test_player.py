import io
import re
import sys
from types import SimpleNamespace

import pytest
from rich.console import Console

from micrograd_es import BackwardPass, ForwardPass, Value, set_language, vsum, where
from micrograd_es.stepping import page as page_module
from micrograd_es.stepping import terminal as player
from micrograd_es.stepping.terminal import SECONDS, moments, play_in_terminal
from micrograd_es.stepping.texts import texts


def steps_of_a_diamond():
    """2·(a·b) + a, whose a has two users."""
    a, b = Value(3.0, label="a"), Value(-2.0, label="b")
    y = (a * b) * 2 + a
    y.label = "y"
    return BackwardPass(y)


def console(**options):  # what the environment says of terminals is nothing to it
    return Console(file=io.StringIO(), width=100, height=30, _environ={}, **options)


def played(keys):
    """The pass after these keys, what was on the screen at each, and how long each may take."""
    steps, screen, waits = steps_of_a_diamond(), console(force_terminal=True), []
    pressed = iter([*keys, "quit"])
    frames = []

    def next_key(seconds):
        frames.append(screen.file.getvalue())
        screen.file.seek(0)
        screen.file.truncate()
        waits.append(seconds)
        return next(pressed)

    play_in_terminal(steps, screen, next_key)
    return steps, frames, waits


def said(moment):
    return "".join(text for text, _style in moment.said)


def seed(told):
    return next(m for m in told if m.computed is None)


FORWARD = 4  # moments before the first product of the diamond: its start, and three values


def test_the_values_come_first_one_by_one():
    told = moments(steps_of_a_diamond())
    assert [m.computed for m in told[: FORWARD + 1]] == [0, 1, 2, 3, None]
    assert said(told[0]).startswith("Las hojas ya tienen su valor.")
    assert told[0].lines == []
    assert re.fullmatch("Se calcula .* = −6[.]", said(told[1]))
    assert told[1].lines[0].endswith(" = a · b")
    assert told[1].lines[1:] == ["= 3 · (−2)", "= −6"]
    assert said(told[3]) == "Se calcula y = −9."
    assert [m.title for m in told[:2]] == ["Inicio", "Hacia adelante"]
    for moment in told[1:FORWARD]:
        assert moment.position == 0
        assert ("a", "bold") not in moment.said


def test_it_says_what_the_page_says():
    x = Value(-1.0, "x")
    f = (x * x).relu() + x.relu() ** 2
    for language in ("es", "en"):
        set_language(language)
        steps = BackwardPass(f)
        page = texts()
        told = moments(steps)
        place = {n: i for i, n in enumerate(steps.nodes)}
        frames = page_module._frames(steps, steps.events, place, forward=True)
        kinds = [frame["kind"] for frame in frames]
        assert [m.title for m in told] == [page[f"phase_{kind}"] for kind in kinds]
        assert said(told[0]) == page["say_start"]
        assert said(seed(told)) == page["say_seed"].format(root="f")
        assert not any(m.edge and m.edge.parent.data == 2.0 for m in told)  # the exponent
        (flat,) = [m for m in told if "exact" in said(m)]
        assert flat.lines[0].endswith("= 0")
    set_language("es")


def test_a_gradient_that_is_complete_says_so_and_an_exponent_has_none():
    told = moments(steps_of_a_diamond())
    completed = ["".join(text for text, _ in m.note) for m in told if m.note]
    assert len(completed) == len(set(completed)) == len(["2(a·b)", "a·b", "a", "b"])
    assert completed[-1] == "Con esto queda completo el gradiente de b."
    x = Value(3.0, "x")
    told = moments(BackwardPass(x**2))
    assert told[-1].edge.parent is x
    assert said(told[-1]).endswith("1 · 6 = 6.")
    assert told[-1].note


def test_a_product_goes_from_symbols_to_numbers_to_the_result():
    told = moments(steps_of_a_diamond())
    (lines,) = [m.lines for m in told if m.edge and m.edge.parent.label == "b"]
    assert lines[0].startswith("∂y/∂b = ∂y/∂(a·b) · ∂(a·b)/∂b")
    assert lines[1].endswith("· a")
    assert lines[2:] == ["= 2 · 3", "= 6"]


def test_a_sum_at_a_fan_out_is_an_event_of_its_own():
    told = moments(steps_of_a_diamond())
    sums = [m for m in told if "una suma" in m.title]
    assert [m.lines for m in sums] == [["∂y/∂a = 1 + (−4)", "= −3"]]
    assert said(sums[0]).endswith("lo que llega se suma: 1 → 1 + (−4) = −3.")
    assert ("a", "bold") in sums[0].said
    product = told[told.index(sums[0]) - 1]
    assert product.lines[-2:] == ["= 2 · (−2)", "= −4"]
    assert (product.position + 1, product.edge) == (sums[0].position, sums[0].edge)


def test_an_operand_that_stands_twice_is_two_factors():
    x = Value(3.0, "x")
    steps = BackwardPass(x * x)
    first, second, total = moments(steps)[3:]
    assert first.lines == ["∂f/∂f · ∂f/∂x (factor n.º 1)", "= ∂f/∂f · x", "= 1 · 3", "= 3"]
    assert second.lines == ["∂f/∂f · ∂f/∂x (factor n.º 2)", *first.lines[1:]]
    assert total.lines == ["∂f/∂x = 3 + 3", "= 6"]
    told = [m.lines[0] for m in moments(BackwardPass(vsum([x, 2.0, x])))[1:]]
    assert [line for line in told if "∂x (" in line] == [
        "∂f/∂f · ∂f/∂x (operando n.º 1)", "∂f/∂f · ∂f/∂x (operando n.º 3)"
    ]  # fmt: skip
    assert not any("(factor" in m.lines[0] for m in moments(steps_of_a_diamond())[1:])
    assert said(first).startswith("f le pasa a x (factor n.º 1) su gradiente")


def test_the_first_moment_is_the_seed_and_the_last_ends_the_pass():
    steps = steps_of_a_diamond()
    told = moments(steps)
    assert (told[FORWARD].position, told[FORWARD].lines) == (0, ["∂y/∂y = 1"])
    assert told[-1].position == len(steps)
    assert [m.position for m in told] == sorted(m.position for m in told)


def test_a_branch_not_taken_takes_no_gradient():
    x = Value(-1.0, label="x")
    assert "por ahí no pasa gradiente" in said(moments(BackwardPass(x.relu()))[-1])
    assert moments(BackwardPass(where(x > 0, x, 2.0)))


def test_without_a_terminal_all_the_steps_are_printed():
    out = console()
    play_in_terminal(steps_of_a_diamond(), out)
    text = out.file.getvalue()
    assert "1 → 1 + (−4) = −3" in text
    assert "\x1b" not in text
    assert text.count("= 2 · 3") == 1
    (row,) = [line.split() for line in text.splitlines() if line.split()[:1] == ["a"]]
    assert row == ["a", "3", "−3"]


def test_the_pass_itself_plays(capsys):
    steps_of_a_diamond().play()
    assert "1 → 1 + (−4) = −3" in capsys.readouterr().out


def test_arrows_step_and_stop_at_the_ends():
    told = moments(steps_of_a_diamond())
    assert played([*["right"] * FORWARD, "right"])[0].position == 1
    assert played([*["right"] * FORWARD, "right", "right", "left"])[0].position == 1
    assert played(["left"])[0].position == 0
    assert played(["right"] * FORWARD)[0].position == 0
    assert played(["right"] * 50)[0].position == told[-1].position


def test_home_and_end_jump():
    steps, frames, _ = played(["end", "home"])
    assert steps.position == 0
    assert moments(steps)[-1].lines[-1] in frames[1]
    assert "Las hojas ya tienen" in frames[2]


def test_the_space_bar_plays_and_pauses():
    steps, _, waits = played([*["right"] * FORWARD, "space", "", "", "space", "right"])
    waits = waits[FORWARD:]
    assert steps.position >= 2
    assert waits[0] > 60
    assert waits[1:4] == [SECONDS] * 3
    assert waits[4] > 60


def test_playing_ends_at_the_end():
    steps, _, waits = played(["space", *[""] * 20])
    assert steps.position == len(steps)
    assert waits[-1] > 60
    assert played(["end", "space"])[2][-1] > 60  # there is nothing more to play


def test_other_keys_change_nothing():
    assert played([*["right"] * FORWARD, "right", "other"])[0].position == 1


def test_the_screen_shows_graph_step_and_keys():
    frame = played(["right"])[1][1]
    for text in "nombre", "valor", "grad", "paso 1 de", "Inicio/Fin", "—", "▶":
        assert text in frame


def test_it_speaks_english_too():
    set_language("en")
    try:
        assert "step 1 of" in played(["right"])[1][1]
    finally:
        set_language("es")


@pytest.mark.parametrize("label", ["[bold]x[/bold]", "[/]", "a\x1b[31mb", "\ud800"])
def test_labels_are_text(label):
    x = Value(1.0, label=label)
    out = console()
    play_in_terminal(BackwardPass(x * x), out)
    text = out.file.getvalue()
    assert "\x1b" not in text
    if label.isprintable():
        assert label in text


def test_a_large_graph_shows_the_rows_around_the_current_one():
    x = Value(1.0, label="x")
    y = x
    for _ in range(200):
        y = y + 1.0
    screen, frames = console(force_terminal=True), []
    pressed = iter([*["right"] * 201, "quit"])

    def next_key(seconds):
        frames.append(screen.file.getvalue())
        screen.file.seek(0)
        screen.file.truncate()
        return next(pressed)

    play_in_terminal(BackwardPass(y), screen, next_key)
    assert "u₄₇ + 1" in frames[-1]
    assert "u₂₀ " not in frames[-1]


# -- keys ---------------------------------------------------------------------------

TYPED = {
    b"\x1b[C": "right", b"\x1bOD": "left", b"\x1b[H": "home", b"\x1b[4~": "end", b" ": "space",
    b"q": "quit", b"\x1b": "quit", b"x": "other", b"\xff": "other",
}  # fmt: skip


@pytest.mark.skipif(sys.platform == "win32", reason="terminals of POSIX")
def test_keys_of_a_terminal(monkeypatch):
    import os
    import pty
    import termios

    master, slave = pty.openpty()
    with open(slave, "rb", buffering=0) as terminal:
        monkeypatch.setattr(sys, "stdin", terminal)
        before = termios.tcgetattr(slave)
        with player._keyboard() as next_key:
            assert next_key(0.0) == ""
            for typed, key in TYPED.items():
                os.write(master, typed)
                assert next_key(10.0) == key
            os.write(master, b"\x1b[C\x1b[C\x1bOD \x1b[1;5C\x1bxq")  # quicker than they are read
            pressed = [next_key(10.0) for _ in range(7)]
            assert pressed == ["right", "right", "left", "space", "other", "other", "quit"]
            assert next_key(0.0) == ""
        assert termios.tcgetattr(slave) == before
        os.close(master)


@pytest.mark.skipif(sys.platform == "win32", reason="terminals of POSIX")
def test_a_terminal_that_goes_away_ends_the_player(monkeypatch):
    import os
    import termios

    read, write = os.pipe()
    os.close(write)
    monkeypatch.setattr("tty.setcbreak", lambda *args: None)
    for name in "tcgetattr", "tcsetattr":
        monkeypatch.setattr(termios, name, lambda *args: None)
    with open(read, "rb", buffering=0) as closed:
        monkeypatch.setattr(sys, "stdin", closed)
        with player._keyboard() as next_key:
            assert next_key(10.0) == "quit"


def test_keys_of_windows(monkeypatch):
    typed = list("\xe0K\xe0M\xe0G\xe0O q?")
    console = SimpleNamespace(kbhit=lambda: bool(typed), getwch=lambda: typed.pop(0))
    monkeypatch.setitem(sys.modules, "msvcrt", console)
    pressed = [player._windows_key(10.0) for _ in range(7)]
    assert pressed == ["left", "right", "home", "end", "space", "quit", "other"]
    assert player._windows_key(0.03) == ""


def test_a_root_without_a_name_is_f():
    a, b = Value(3.0, "a"), Value(-2.0, "b")
    assert seed(moments(BackwardPass(a * b))).lines == ["∂f/∂f = 1"]
    b.label = "f"
    assert seed(moments(BackwardPass(a * b))).lines == ["∂(a·f)/∂(a·f) = 1"]


def test_a_label_that_reads_as_a_sum_stands_in_parentheses():
    a, b, c = Value(1.0, "a"), Value(2.0, "b"), Value(3.0, "c")
    s = a + b
    s.label = "a + b"
    told = [m.lines for m in moments(BackwardPass(s * c)) if m.edge]
    assert told[0][0] == "∂f/∂(a + b) = ∂f/∂f · ∂f/∂(a + b)"
    assert told[1][1] == "= ∂f/∂f · (a + b)"


def test_a_product_of_a_sum_needs_no_more_parentheses():
    x, y = Value(3.0, "x"), Value(-2.0, "y")
    told = [m.lines for m in moments(BackwardPass((x + 1) * y * (x + 1))) if m.edge]
    assert not any("((" in line for lines in told for line in lines)


@pytest.mark.parametrize("ahead", [False, True])
def test_a_constant_exponent_that_bears_a_name_is_told_of(ahead):
    x = Value(3.0, "x")
    y = x**2
    y.parents[1].label = "n"
    told = moments(ForwardPass(y, x) if ahead else BackwardPass(y))
    (exponent,) = [m for m in told if m.edge and not m.edge.arrives]
    assert "exponente constante" in "".join(piece[0] for piece in map(as_pair, exponent.said))
    assert not exponent.note or ahead


def as_pair(piece):
    return (piece, "") if isinstance(piece, str) else piece
