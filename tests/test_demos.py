"""The demos: what they come to, their pictures, and that a rerun gives the same numbers."""

import xml.etree.ElementTree as ET

import pytest

from micrograd_es.base.languages import LANGUAGES, speaking
from micrograd_es.base.languages import gettext as _
from micrograd_es.cli import FOLDER
from micrograd_es.data import DEMOS
from micrograd_es.gallery import listed, load


def run(name, folder):
    return load(name).main(folder, quick=True)


def pictures(result):
    for path in result["files"]:
        text = path.read_text("utf-8")
        if path.suffix == ".svg":
            assert ET.fromstring(text).tag == "{http://www.w3.org/2000/svg}svg"
    return [path.read_bytes() for path in result["files"]]


def test_apuntes(tmp_path, capsys):
    result = run("apuntes", tmp_path)
    assert result["costs"].converged
    assert result["gradient"] == pytest.approx(result["difference"], rel=1e-7)
    assert abs(result["prediction"] - [0.0, 1.0]).max() < 0.11
    assert len(pictures(result)) == 5
    assert "w₍₁₎⁽²·¹⁾" in capsys.readouterr().out


def test_xor(tmp_path):
    result = run("xor", tmp_path)
    assert [round(y) for y in result["outputs"]] == [-1, 1, 1, -1]
    pictures(result)


def test_lunas(tmp_path):
    result = run("lunas", tmp_path)
    assert result["accuracy"] >= 0.97
    pictures(result)


def test_seno(tmp_path):
    result = run("seno", tmp_path)
    assert result["error"] < 0.1
    pictures(result)


def test_digitos(tmp_path):
    result = run("digitos", tmp_path)
    assert result["accuracy"] >= 0.93
    pictures(result)


def test_filtros(tmp_path):
    result = run("filtros", tmp_path)
    assert result["accuracy"] >= 0.93
    (picture,) = pictures(result)
    assert picture.count(b"filtro 7") == 4


NAMES = ("apuntes", "digitos", "lunas", "notas", "seno", "xor")


def test_no_demo_and_no_command_writes_over_what_another_has_written(tmp_path):
    for language in LANGUAGES:
        with speaking(language):
            commands = {f"{_('graph')}.svg", f"{_('steps')}.html"}
            files = {name: {f.name for f in run(name, tmp_path)["files"]} for name in NAMES}
        for name in NAMES:
            others = commands.union(*(files[other] for other in NAMES if other != name))
            assert files[name].isdisjoint(others)


@pytest.mark.parametrize(("language", "moons"), [("es", "lunas.svg"), ("en", "moons.svg")])
def test_files_have_names_in_the_language_chosen(tmp_path, language, moons):
    with speaking(language):
        run("lunas", tmp_path)
        run("apuntes", tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    assert moons in names
    spanish = {"grafo-antes.svg", "grafo-despues.svg", "red-entrenada.svg", "costo.svg"}
    assert names & spanish == (spanish if language == "es" else set())


def test_git_does_not_see_the_folder_of_the_tour():
    ignored = (DEMOS.parent / ".gitignore").read_text("utf-8").splitlines()
    assert f"/{FOLDER}/" in ignored


def test_a_rerun_gives_the_same_numbers(tmp_path):
    first, second = (run("seno", tmp_path) for _ in range(2))
    assert list(first["costs"]) == list(second["costs"])
    assert first["error"] == second["error"]


def test_each_demo_says_what_it_is():
    assert all(name and about for name, about in listed())


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_tour_sets_the_names_of_its_files_apart(tmp_path, capsys, language):
    with speaking(language):
        files = run("apuntes", tmp_path)["files"]
    said = capsys.readouterr().out
    assert all(f"  {path.name}  " in said for path in files)
