"""The command line: the tour, the demos, and any expression drawn, stepped or explained."""

from __future__ import annotations

import argparse
import io
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from micrograd_es import __version__
from micrograd_es.base.arrays import needing
from micrograd_es.base.errors import RendererMissingError
from micrograd_es.base.files import write_file
from micrograd_es.base.languages import LANGUAGES, get_language, speaking
from micrograd_es.base.languages import gettext as _
from micrograd_es.base.reading import NAME, as_name, read_number
from micrograd_es.base.templating import template
from micrograd_es.engine.value import Value
from micrograd_es.expression import parse
from micrograd_es.formulas.notation import shown
from micrograd_es.gallery import listed, load
from micrograd_es.native.library import library
from micrograd_es.stepping.steps import BackwardPass

FOLDER = "micrograd-es"
_ASSIGNMENT = re.compile(rf"({NAME})\s*=(?!=)(.*)", re.DOTALL)


class _Wrong(Exception):
    """What is wrong with the command line, in one line."""


class _Parser(argparse.ArgumentParser):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options, allow_abbrev=False)  # `_language` reads whole words too

    def error(self, message: str) -> NoReturn:
        raise _Wrong(message)


def main(argv: Sequence[str] | None = None) -> int:
    """The exit status: 0, or 2 after one line on stderr that says what is wrong."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # such as ∂, into a file on Windows
    try:
        words = list(sys.argv[1:] if argv is None else argv)
        with speaking(_language(words)):
            return _run(words)
    except _Wrong as wrong:
        print(f"micrograd-es: {shown(' '.join(str(wrong).split()))}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader has gone, as `head` does
        sys.stderr.close()
        return 1


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            _("expected a whole number, not {text}").format(text=repr(text))
        ) from None


def _run(words: list[str]) -> int:
    words, numbers = _numbers(words)
    options = _options(words)
    if numbers and "expression" not in options:
        raise _Wrong(_("{name}= belongs to an expression").format(name=next(iter(numbers))))
    try:
        if options.command in (None, "demo"):
            _demo(getattr(options, "name", "apuntes"), options.out)
        elif options.command == "play":
            _play(options.port, options.host)
        elif options.command == "worksheet":
            _worksheet(options)
        else:
            try:
                root, variables = parse(options.expression, numbers)
            except ValueError as error:
                raise _Wrong(str(error)) from None
            {"draw": _draw, "step": _step, "explain": _explain}[options.command](
                root, variables, options
            )
    except BrokenPipeError:
        raise
    except OSError as error:
        raise _Wrong(
            _("{file}: {problem}").format(file=error.filename or FOLDER, problem=error.strerror)
        ) from None
    except (RendererMissingError, ImportError) as error:
        raise _Wrong(str(error)) from None
    return 0


def _demo(name: str | None, out: Path | None) -> None:
    if name is None:
        for title, about in listed():
            print(f"{title:12}{about}")
        return
    try:
        with needing(f"demo {name}"):
            demo = load(name)
    except ValueError as error:
        raise _Wrong(str(error)) from None
    demo.main(_folder(out))


def _folder(out: Path | None) -> Path:
    folder = out or Path(FOLDER)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _draw(root: Value, variables: dict[str, Value], options: argparse.Namespace) -> None:
    from micrograd_es.pictures.graphs import draw_graph

    root.backward()
    path = _folder(options.out) / f"{_('graph')}.svg"
    draw_graph(root).render(outfile=path, cleanup=True)
    print(path.resolve())


def _step(root: Value, variables: dict[str, Value], options: argparse.Namespace) -> None:
    steps = BackwardPass(root)
    if options.out:
        path = _folder(options.out) / f"{_('steps')}.html"
        steps.save_html(path)
        print(path.resolve())
    else:
        steps.play()


def _explain(root: Value, variables: dict[str, Value], options: argparse.Namespace) -> None:
    from micrograd_es.explaining.explanation import explain

    known = ", ".join(variables)
    if not known:
        raise _Wrong(_("the expression has no variable to differentiate with respect to"))
    if options.wrt == "":
        raise _Wrong(_("--wrt: with respect to which variable? ({known})").format(known=known))
    if options.wrt and options.wrt not in variables:
        raise _Wrong(
            _("--wrt names a variable of the expression ({known}), not {name}").format(
                known=known, name=options.wrt
            )
        )
    root.backward()
    chosen = [options.wrt] if options.wrt else variables
    told = [explain(root, variables[name]) for name in chosen]
    if options.out:
        page = template("base", "fragments.html").render(
            language=get_language(), title=options.expression, fragments=[e.html for e in told]
        )
        _write(options.out, f"{_('derivatives')}.html", page)
    else:
        print("\n\n".join(e.text for e in told))


def _worksheet(options: argparse.Namespace) -> None:
    from micrograd_es.worksheet import worksheet

    try:
        page = worksheet(options.seed, options.level)
    except ValueError as error:
        raise _Wrong(str(error)) from None
    _write(options.out, f"{_('worksheet')}-{options.level}-{options.seed}.html", page)


def _write(out: Path | None, name: str, text: str) -> None:
    path = _folder(out) / name
    write_file(path, text)
    print(path.resolve())


def _play(port: int, host: str) -> None:
    from micrograd_es.play import serve

    try:
        serve(port, host=host)
    except ValueError as error:
        raise _Wrong(str(error)) from None


def _options(words: list[str]) -> argparse.Namespace:
    """What the words say; meanwhile argparse looks its own messages up in our catalog."""
    theirs = vars(argparse)["_"]
    vars(argparse)["_"] = _
    try:
        return _parser().parse_args(words, argparse.Namespace(out=None))
    finally:
        vars(argparse)["_"] = theirs


def _parser() -> _Parser:
    common = _Parser(add_help=False)
    common.add_argument("--lang", choices=LANGUAGES, default=argparse.SUPPRESS, help=_("language"))
    common.add_argument(
        "--out", type=Path, default=argparse.SUPPRESS, metavar=_("FOLDER"), help=_("output folder")
    )
    top = _Parser(
        prog="micrograd-es",
        parents=[common],
        description=_("See how backpropagation works. Without a command: the tour."),
        epilog=_('An expression: micrograd-es step "2*(a*b+c)**2" a=1 b=2 c=3'),
    )
    top.add_argument(
        "--version",
        action="version",
        version=_version(),
        help=_("show the version, and whether it uses native code"),
    )
    commands = top.add_subparsers(dest="command", metavar=_("COMMAND"), parser_class=_Parser)
    demo = commands.add_parser("demo", parents=[common], help=_("run a demo; alone, list them"))
    demo.add_argument("name", nargs="?", metavar=_("NAME"))
    for name, about in (
        ("draw", _("draw the graph of an expression, with its gradients")),
        ("step", _("step through the backward pass of an expression")),
        ("explain", _("explain one derivative as a sum of products of partials")),
    ):
        command = commands.add_parser(
            name,
            parents=[common],
            help=about,
            epilog=_("The numbers of the variables stand beside EXPR: a=1 b=2"),
        )
        command.add_argument("expression", metavar="EXPR")
        if name == "explain":
            command.add_argument(
                "--wrt", nargs="?", const="", metavar=_("NAME"), type=as_name,
                help=_("the variable; without it, every one"),
            )  # fmt: skip
    worksheet = commands.add_parser(
        "worksheet", parents=[common], help=_("exercises to print and do by hand, with their key")
    )
    worksheet.add_argument(
        "--seed", type=_whole, default=1, metavar="N", help=_("other exercises for each number")
    )
    worksheet.add_argument(
        "--level", type=_whole, default=1, metavar="L", help=_("how hard they are: 1, 2 or 3")
    )
    play = commands.add_parser("play", parents=[common], help=_("train a network in the browser"))
    play.add_argument(
        "--port", type=_whole, default=8000, metavar=_("PORT"), help=_("port on this machine")
    )
    play.add_argument(
        "--host", default="127.0.0.1", metavar=_("ADDRESS"),
        help=_("this machine's address, to let others on the network in; 0.0.0.0: all it has"),
    )  # fmt: skip
    return top


def _version() -> str:
    if library():
        return _("micrograd-es {version}, with native code").format(version=__version__)
    return _("micrograd-es {version}, without native code").format(version=__version__)


def _language(words: list[str]) -> str:
    """What ``--lang`` says, which has to be known before anything else is said."""
    for word, following in zip(words, [*words[1:], ""]):
        language = following if word == "--lang" else word.removeprefix("--lang=")
        if word.startswith("--lang") and language in LANGUAGES:
            return language
    return "es"


def _numbers(words: list[str]) -> tuple[list[str], dict[str, float]]:
    """The words, and the ``name=number`` that stood anywhere among them."""
    rest: list[str] = []
    numbers: dict[str, float] = {}
    for word in words:
        if rest and rest[-1] in ("--out", "--lang", "--wrt"):
            rest.append(word)
            continue
        match = _ASSIGNMENT.fullmatch(as_name(word))
        if match is None:
            # an expression such as -x**2 is no option
            rest.append(f" {word}" if re.match(r"-[^-]", word) and word != "-h" else word)
            continue
        name, text = match.groups()
        if name in numbers:
            raise _Wrong(_("{name} is given twice").format(name=name))
        try:
            numbers[name] = read_number(text)
        except ValueError:
            raise _Wrong(
                _("{name}={text}: {text} is no number").format(name=name, text=text or "''")
            ) from None
    return rest, numbers
