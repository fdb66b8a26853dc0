"""Both READMEs: their examples run, their commands exist, their links lead somewhere."""

import configparser
import doctest
import re
import shlex
from pathlib import Path

import pytest

from micrograd_es import cli
from micrograd_es.base.languages import LANGUAGES

ROOT = Path(__file__).parent.parent
READMES = ["README.md", "README.es.md"]
WALKS = ["docs/how-it-works.md", "docs/como-funciona.md"]
PAGES = [*READMES, *WALKS, "CONTRIBUTING.md", "CHANGELOG.md", "docs/notes.md", "docs/notas.md"]

readmes = pytest.mark.parametrize("readme", READMES)


def read(name):
    return (ROOT / name).read_text("utf-8")


def fenced(name, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", read(name), re.MULTILINE | re.DOTALL)


def commands(name):
    """The command lines in its blocks, without what is said about them."""
    return [
        line.split("  # ")[0].rstrip()
        for block in fenced(name, "sh")
        for line in block.splitlines()
    ]


def examples(name):
    """What stands behind >>> in a page, and the output below."""
    return doctest.DocTestParser().get_doctest(read(name), {}, name, name, 0)


@pytest.mark.parametrize("page", [*READMES, *WALKS])
def test_the_examples_run(page):
    found = examples(page)
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    said = []
    assert runner.run(found, out=said.append).failed == 0, "".join(said)
    assert len(found.examples) > 15
    assert len(fenced(page, "python")) > 5
    assert "".join(fenced(page, "python")).count(">>> ") == len(found.examples)


def test_both_have_the_same_structure():
    def structure(name):
        marks = r"^(#+) |^(```\w*)$|^(!\[)|^(\|)|^(>>>)|(?<=\n\n)(\*\*)|^(<!--.*)$"
        return [m.group().strip() for m in re.finditer(marks, read(name), re.MULTILINE)]

    ours, theirs = map(structure, READMES)
    assert ours == theirs
    assert ours.count("#") == 1
    assert ours.count("##") > 5


def test_both_walks_have_the_same_examples_and_name_the_same_files():
    ours, theirs = ([(e.source, e.want) for e in examples(page).examples] for page in WALKS)
    assert ours == theirs
    ours, theirs = (
        re.findall(r"\n## |\]\((\.\./micrograd_es/.*?)\)", read(page)) for page in WALKS
    )
    assert ours == theirs


@pytest.mark.parametrize("page", WALKS)
def test_a_walk_names_what_is_there(page):
    """``name`` ([``room/file``](…)): the link leads there, and the file defines the name."""
    named = re.findall(r"(?:`(\w+)`\s\()?\[`(\w+/\w+)`\]\((.*?)\)", read(page))
    assert len(named) > 20
    for name, file, link in named:
        assert link == f"../micrograd_es/{file}.py"
        text = (ROOT / "micrograd_es" / f"{file}.py").read_text("utf-8")
        assert not name or re.search(rf"^(?:(?:class|def) )?{name}\b", text, re.MULTILINE), name
    rooms = {file.split("/")[0] for _, file, _ in named}
    assert rooms == {"engine", "formulas", "tape", "nn", "explaining", "pictures", "stepping"}


def test_the_speed_rows_are_rows_of_the_whole_table():
    def rows(name):
        lines = re.findall(r"^\| (.*) \|$", read(name), re.MULTILINE)
        found = [line.split(" | ") for line in lines if re.search(r"\d [nµm]?s : ", line)]
        return [(work, measured, times) for work, measured, *_, times in found]

    english, spanish = map(rows, READMES)
    assert len(english) == 5
    assert set(english) < set(rows("benchmarks/RESULTS.md"))
    numbers = [(measured.replace(",", " "), times) for _, measured, times in english]
    assert numbers == [(measured, times) for _, measured, times in spanish]


def test_both_have_the_same_commands():
    ours, theirs = map(commands, READMES)
    assert [line.removesuffix(" --lang en") for line in ours] == theirs


@readmes
def test_it_opens_with_the_other_language_a_picture_and_two_commands(readme):
    text = read(readme)
    other = READMES[1 - READMES.index(readme)]
    assert re.match(rf"\[\w+\]\({re.escape(other)}\)\n", text)
    first = [line for line in commands(readme) if line.startswith("python3 -m venv")]
    assert first == commands(readme)[:2]
    assert first[0].split(" --lang")[0].endswith("micrograd-es")
    assert first[1].endswith("pytest")
    place = text.index(first[0])
    assert text.index("![") < place
    assert place < 2000


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_files(page):
    links = re.findall(r"\]\(([^)\s]+)\)", read(page))
    for link in links:
        if not link.startswith("https://"):
            name, _, heading = link.partition("#")
            target = (ROOT / page).parent / name
            assert target.is_file(), link
            text = target.read_text("utf-8").lower() if heading else ""
            assert not heading or re.search(rf"^#+ {heading.replace('-', ' ')}$", text, re.M), link
    for picture in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", read(page)):
        assert (ROOT / page).parent.joinpath(picture).stat().st_size < 150_000


@readmes
def test_each_command_works(readme, tmp_path, capsys):
    lines = [shlex.split(line) for line in commands(readme) if line.startswith("micrograd-es")]
    assert lines[0] == ["micrograd-es"]
    assert {words[1] for words in lines[1:]} == {
        "demo",
        "step",
        "explain",
        "draw",
        "play",
        "worksheet",
    }
    for words in lines:
        if "play" in words:  # it would serve until it is stopped
            with pytest.raises(SystemExit) as stop:
                cli.main(["play", "--help"])
            assert stop.value.code == 0
        else:
            assert cli.main([*words[1:], "--out", str(tmp_path)]) == 0
    assert {"pasos.html", "notas.html", "grafo.svg", "ejercicios-2-1.html"} <= {
        p.name for p in tmp_path.iterdir()
    }


@readmes
def test_what_it_stands_on_is_what_setup_cfg_asks_for(readme):
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", "utf-8")
    named = re.search(r"^numpy \(.*?\n\n", read(readme), re.MULTILINE | re.DOTALL)[0]
    packages = [line.split(">=")[0] for line in config["options"]["install_requires"].split()]
    assert all(re.search(rf"\b{package}\b", named) for package in packages)
    assert set(re.findall(r"`\[(\w+)\]`", named)) == set(config["options.extras_require"])
    assert all(
        f"--lang {language}" in read("README.md") for language in LANGUAGES if language != "es"
    )
