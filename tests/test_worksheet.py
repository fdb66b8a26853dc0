"""Worksheets: exercises that can be done by hand, and answers found without our calculus."""

import re
import subprocess
import sys
from html import unescape

import mpmath
import pytest

from micrograd_es.base.languages import speaking
from micrograd_es.worksheet import EXERCISES, LEVELS, exercises, worksheet

ASKED = re.compile(r"^(f|∂f/∂\w) = (.+)$", re.MULTILINE)


def lines(page):
    """What a reader sees, a line for each element."""
    body = re.sub(r"<svg.*?</svg>", "", page.split("<body>")[1], flags=re.DOTALL)
    return unescape(re.sub(r"\s*<[^>]+>\s*", "\n", body.replace('<span class="blank">', "")))


def sheet(page, answers="Respuestas"):
    """Each exercise as it is printed: its formula, what is given, and what the key says."""
    exercise, key = lines(page).split(f"\n{answers}\n")
    given = [
        (text.split("\n")[0], dict(re.findall(r"^(\w) = (−?\d+)$", text, re.MULTILINE)))
        for text in re.split(r"^\d\. f = ", exercise, flags=re.MULTILINE)[1:]
    ]
    found = [
        dict(ASKED.findall(text))
        for text in re.split(r"^\d\. f = .*$", key, flags=re.MULTILINE)[1:]
    ]
    assert len(given) == len(found) == EXERCISES
    return [(formula, numbers, told) for (formula, numbers), told in zip(given, found)]


def as_python(formula):
    for ours, theirs in (("·", "*"), ("²", "**2"), ("−", "-"), ("√", "sqrt")):
        formula = formula.replace(ours, theirs)
    return re.sub(r"\|(.*?)\|", r"abs(\1)", formula)


def by_hand(formula, numbers):
    """The value and each derivative: Python's own arithmetic, and a difference to 40 digits."""
    known = {"sqrt": mpmath.sqrt, "max": max, "abs": abs, "relu": lambda z: max(z, 0)}
    code = compile(as_python(formula), "exercise", "eval")

    def f(**at):
        return mpmath.mpf(eval(code, known, at))

    with mpmath.workdps(60):
        at = {name: mpmath.mpf(text.replace("−", "-")) for name, text in numbers.items()}
        h = mpmath.mpf(10) ** -20
        slopes = {
            f"∂f/∂{name}": (f(**at | {name: x + h}) - f(**at | {name: x - h})) / (2 * h)
            for name, x in at.items()
        }
        return {"f": f(**at)} | slopes


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("level", LEVELS)
def test_the_key_is_right(level, seed):
    for formula, numbers, told in sheet(worksheet(seed, level)):
        right = by_hand(formula, numbers)
        assert set(told) == set(right)
        for name, text in told.items():
            assert float(text.replace("−", "-")) == pytest.approx(float(right[name]), abs=1e-12)


@pytest.mark.parametrize("level", LEVELS)
def test_every_number_has_three_digits_at_most(level):
    for seed in range(20):
        for exercise in exercises(seed, level):
            texts = re.findall(r">(−?[\d.]+)</text>", exercise.picture(solved=True))
            texts += [text for _name, text in exercise.answers]
            texts += [text.split(" = ")[1] for text in exercise.numbers]
            assert len(texts) > 6
            assert all(len(text.strip("−0.").replace(".", "")) <= 3 for text in texts)


def test_the_same_seed_gives_the_same_bytes_in_every_process():
    program = (
        "import sys; from micrograd_es.worksheet import worksheet;"
        "sys.stdout.buffer.write(worksheet(7, 2).encode())"
    )
    for hash_seed in "01":
        done = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True, check=True, env={"PYTHONHASHSEED": hash_seed, "PATH": ""},
        )  # fmt: skip
        assert done.stdout.decode() == worksheet(7, 2)
    others = {worksheet(seed, level) for seed in (-7, 7, 8) for level in LEVELS}
    assert len(others) == 9


def test_the_seed_chooses_what_it_always_has():
    first = exercises(seed=1, level=1)[0]
    assert (first.formula, first.numbers) == ("(a − b) · c", ["a = 2", "b = 8", "c = 5"])


def test_the_exercises_have_blanks_and_only_the_key_has_answers():
    page = worksheet(3, 1)
    asked, key = page.split('<section class="key">')
    assert ".key { break-before: page;" in page
    assert not re.search(r"\d", "".join(text for _, text in ASKED.findall(lines(f"<body>{asked}"))))
    assert asked.count("………") == sum(len(e.answers) for e in exercises(3, 1))
    for exercise in exercises(3, 1):
        given = re.findall(r">(\w) = (−?\d+)</text>", exercise.picture(solved=False))
        assert {f"{name} = {text}" for name, text in given} == set(exercise.numbers)
        assert not re.search(r">−?[\d.]+</text>", exercise.picture(solved=False))
        assert exercise.picture(solved=True) in key


def test_both_languages():
    with speaking("en"):
        page = worksheet(1, 1)
        told = sheet(page, "Answers")
    assert '<html lang="en">' in page
    assert told == sheet(worksheet(1, 1))


def test_it_asks_for_nothing_of_others():
    page = worksheet(1, 3)
    assert "default-src 'none'" in page
    assert not re.search(r"<script|https?://(?!www.w3.org)|src=|url\(", page)
    assert ' id="' not in page  # several pictures stand in one page


def test_there_are_three_levels():
    with speaking("en"), pytest.raises(ValueError, match="no level 4; there are 1, 2, 3"):
        exercises(1, 4)
