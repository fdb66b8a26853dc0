"""The command line: what it does, and that whatever is wrong is one line and status 2."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from micrograd_es import cli
from micrograd_es.gallery import listed


def run(capsys, *words):
    status = cli.main(list(words))
    out, err = capsys.readouterr()
    return status, out, err


def test_explain(capsys):
    status, out, err = run(capsys, "explain", "x*x*x", "x=2", "--wrt", "x")
    assert (status, err) == (0, "")
    assert "12" in out


def test_draw(capsys, tmp_path):
    status, out, err = run(capsys, "draw", "tanh(w*x)", "w=0.5", "x=2", "--out", str(tmp_path))
    assert (status, err) == (0, "")
    path = Path(out.strip())
    assert path.parent == tmp_path
    assert path.read_text("utf-8").count("<svg") == 1


def test_step_in_a_terminal_that_is_none(capsys):
    status, out, err = run(capsys, "step", "2*(a*b+c)**2", "a=1", "b=2", "c=3")
    assert (status, err) == (0, "")
    assert "40" in out


def test_step_into_a_page(capsys, tmp_path):
    status, out, _err = run(capsys, "step", "a*b", "a=1", "b=2", "--out", str(tmp_path))
    assert status == 0
    assert "Content-Security-Policy" in Path(out.strip()).read_text("utf-8")


def test_explain_without_wrt_explains_every_variable(capsys):
    words = ["explain", "w*x + b", "w=2", "x=3", "b=1"]
    every = run(capsys, *words)[1]
    each = [run(capsys, *words, "--wrt", name)[1] for name in "wxb"]
    assert every == "\n".join(each)
    assert run(capsys, "explain", "x*x*x", "x=2") == run(
        capsys, "explain", "x*x*x", "x=2", "--wrt", "x"
    )


@pytest.mark.parametrize("option", ["--out", "--lang"])
def test_an_option_counts_wherever_it_stands(capsys, tmp_path, option):
    words = ["draw", "tanh(w*x)", "w=0,5", "x=2", "--out", str(tmp_path), "--lang", "en"]
    i = words.index(option)
    pair, rest = words[i : i + 2], words[:i] + words[i + 2 :]
    for k in range(len(rest) + 1):
        if rest[k - 1 : k] in (["--out"], ["--lang"]):
            continue
        for form in (pair, ["=".join(pair)]):
            status, out, err = run(capsys, *rest[:k], *form, *rest[k:])
            assert (status, err) == (0, "")
            assert Path(out.strip()) == tmp_path / "graph.svg"


def test_numbers_have_a_comma_or_a_point(capsys):
    one = run(capsys, "explain", "2,5a·b", "a=0,5", "b=1/4")
    assert one == run(capsys, "explain", "2.5*a*b", "a=.5", "b=0.25")
    assert one[0] == 0


def test_where_there_is_no_value_there_is_no_derivative(capsys):
    out = run(capsys, "explain", "log(x)", "x=-1")[1]
    assert out.splitlines()[0] == "∂f/∂x = —"
    assert "f no tiene valor aquí: ln(−1) no es un número real" in out


def test_explain_into_a_page(capsys, tmp_path):
    status, out, _err = run(capsys, "explain", "a*b", "a=1", "b=2", "--out", str(tmp_path))
    page = Path(out.strip())
    assert (status, page) == (0, tmp_path / "derivadas.html")
    assert page.read_text("utf-8").count('<div class="micrograd-es-explanation">') == 2


@pytest.mark.parametrize(
    ("words", "name", "heading"),
    [([], "ejercicios-1-1.html", "Respuestas"),
     (["--lang", "en", "--seed", "7", "--level", "3"], "worksheet-3-7.html", "Answers")],
)  # fmt: skip
def test_worksheet(capsys, tmp_path, words, name, heading):
    status, out, err = run(capsys, "worksheet", *words, "--out", str(tmp_path))
    assert (status, err) == (0, "")
    assert Path(out.strip()) == tmp_path / name
    assert f"<h2>{heading}</h2>" in (tmp_path / name).read_text("utf-8")


def test_numbers_may_stand_anywhere(capsys):
    one = run(capsys, "explain", "a*b", "a=1", "b=2", "--wrt", "a")
    two = run(capsys, "a=1", "explain", "--wrt", "a", "b=2", "a*b")
    assert one == two
    assert one[0] == 0


def test_an_expression_may_begin_with_a_minus(capsys):
    status, out, _ = run(capsys, "explain", "-x**2", "x=3", "--wrt", "x")
    assert status == 0
    assert "6" in out


def test_languages(capsys):
    assert "retropropagación" in " ".join(help_of(capsys, "--help").split())
    assert "backpropagation" in " ".join(help_of(capsys, "--help", "--lang", "en").split())


def help_of(capsys, *words):
    with pytest.raises(SystemExit) as stop:
        cli.main(list(words))
    assert stop.value.code == 0
    return capsys.readouterr().out


def test_demo_alone_lists_the_demos(capsys):
    status, out, _ = run(capsys, "demo")
    assert status == 0
    for name in "apuntes", "xor", "lunas", "seno", "digitos", "filtros", "nombres":
        assert name in out
    assert [name for name, _ in listed()] == [line.split()[0] for line in out.splitlines()]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["fly"], "fly"),
        (["demo", "nada"], "nada"),
        (["demo", "../cli"], "cli"),
        (["demo", "xor", "extra"], "extra"),
        (["draw"], "EXPR"),
        (["draw", "a+"], "a+"),
        (["draw", "a"], "a"),
        (["draw", "a", "a=one"], "one"),
        (["draw", "a", "a="], "a="),
        (["draw", "a", "a=1", "a=2"], "a"),
        (["draw", "a", "a=1", "b=2"], "b"),
        (["draw", "a", "a=1", "--size", "3"], "--size"),
        (["step", "__import__('os')"], "__import__"),
        (["explain", "a*b", "a=1", "b=2", "--wrt"], "¿respecto de qué variable? (a, b)"),
        (["explain", "1+2"], "ninguna variable"),
        (["explain", "a+", "a=1"], "a+"),
        (["explain", "a*a", "a=1", "--wrt", "b"], "b"),
        (["demo", "xor", "a=1"], "a="),
        (["--lang", "fr"], "fr"),
        (["--out"], "--out"),
        (["draw", "a", "a=1", "--out", "-x"], "--out"),
        (["draw", "a", "a=1", "--la", "en"], "--la"),
        (["play", "--port", "http"], "http"),
        (["worksheet", "--level", "4"], "no existe el nivel 4"),
        (["worksheet", "--seed", "one"], "one"),
    ],
)
def test_a_bad_command_line_is_one_line_and_status_2(capsys, words, says):
    status, out, err = run(capsys, *words)
    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert err.startswith("micrograd-es: ")
    assert says in err


@pytest.mark.parametrize(
    ("words", "es", "en"),
    [
        (["draw"], "falta: EXPR", "the following arguments are required: EXPR"),
        (["fly"], "no es ninguna de las opciones", "invalid choice: 'fly'"),
        (["demo", "xor", "extra"], "argumento desconocido: extra", "unrecognized arguments: extra"),
        (["--out"], "falta su valor", "expected one argument"),
        (
            ["play", "--port", "http"],
            "se esperaba un número entero",
            "expected a whole number, not 'http'",
        ),
    ],
)
def test_what_argparse_says_is_said_in_both_languages(capsys, words, es, en):
    assert es in run(capsys, *words)[2]
    assert en in run(capsys, "--lang", "en", *words)[2]


@pytest.mark.parametrize(
    "command", [[], ["demo"], ["draw"], ["step"], ["explain"], ["worksheet"], ["play"]]
)
def test_help_in_spanish_is_in_spanish(capsys, command):
    said = help_of(capsys, *command, "--help")
    assert said.startswith("uso: micrograd-es")
    for english in ("usage", "options", "arguments", "show", "FOLDER", "NAME"):
        assert english not in said


def test_an_output_folder_that_cannot_be_written(capsys, tmp_path):
    (tmp_path / "file").write_text("kept")
    status, _, err = run(capsys, "draw", "a", "a=1", "--out", str(tmp_path / "file"))
    assert status == 2
    assert err.count("\n") == 1
    assert (tmp_path / "file").read_text() == "kept"


def test_python_m():
    done = subprocess.run(
        [sys.executable, "-m", "micrograd_es", "draw", "a+"],
        capture_output=True,
        text=True,
        cwd=Path(cli.__file__).parent.parent,
        check=False,
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["\u00b5", "y\u0302"])
def test_a_name_is_the_same_however_it_is_typed(capsys, name):
    status, out, err = run(capsys, "explain", f"{name}*2", f"{name}=3", "--wrt", name)
    assert (status, err) == (0, "")
    assert out.rstrip().endswith("= 2")


def explained(**options):
    return subprocess.Popen(
        [sys.executable, "-m", "micrograd_es", "explain", "a*b", "a=1", "b=2", "--wrt", "a"],
        cwd=Path(cli.__file__).parent.parent,
        stderr=subprocess.PIPE,
        **options,
    )


def test_a_reader_that_has_gone_is_no_error():
    read, write = os.pipe()
    os.close(read)
    try:
        process = explained(stdout=write, env=os.environ | {"PYTHONUNBUFFERED": "1"})
        assert process.communicate()[1] == b""
    finally:
        os.close(write)
    assert process.returncode == 1


def test_what_the_encoding_lacks_is_replaced():
    process = explained(stdout=subprocess.PIPE, env=os.environ | {"PYTHONIOENCODING": "cp1252"})
    out, err = process.communicate()
    assert (process.returncode, err) == (0, b"")
    assert out.startswith(b"?f/?a = b")
