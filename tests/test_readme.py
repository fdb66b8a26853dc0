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
PAGES = [*READMES, "CONTRIBUTING.md", "CHANGELOG.md", "docs/notes.md", "docs/notas.md"]

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


@readmes
def test_the_examples_run(readme):
    examples = doctest.DocTestParser().get_doctest(read(readme), {}, readme, readme, 0)
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    said = []
    assert runner.run(examples, out=said.append).failed == 0, "".join(said)
    assert len(examples.examples) > 15
    assert len(fenced(readme, "python")) == 5


def test_both_have_the_same_structure():
    def structure(name):
        marks = r"^(#+) |^(```\w*)$|^(!\[)|^(\|)|^(>>>)|(?<=\n\n)(\*\*)|^(<!--.*)$"
        return [m.group().strip() for m in re.finditer(marks, read(name), re.MULTILINE)]

    ours, theirs = map(structure, READMES)
    assert ours == theirs
    assert ours.count("#") == 1
    assert ours.count("##") > 5


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
            assert (ROOT / page).parent.joinpath(link).is_file(), link
    for picture in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", read(page)):
        assert (ROOT / page).parent.joinpath(picture).stat().st_size < 150_000


@readmes
def test_each_command_works(readme, tmp_path, capsys):
    lines = [shlex.split(line) for line in commands(readme) if line.startswith("micrograd-es")]
    assert lines[0] == ["micrograd-es"]
    assert {words[1] for words in lines[1:]} == {"demo", "step", "explain", "draw", "play"}
    for words in lines:
        if "play" in words:  # it would serve until it is stopped
            with pytest.raises(SystemExit) as stop:
                cli.main(["play", "--help"])
            assert stop.value.code == 0
        else:
            assert cli.main([*words[1:], "--out", str(tmp_path)]) == 0
    assert {"pasos.html", "notas.html", "grafo.svg"} <= {p.name for p in tmp_path.iterdir()}


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
