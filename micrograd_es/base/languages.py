"""The language that users are spoken to in: Spanish unless they choose English.

Messages stand in the code in English and are looked up with gettext in the catalogs
under ``locale/``. Errors raised for programmers stay in English.
"""

from __future__ import annotations

import gettext as _gettext
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

LANGUAGES = ("es", "en")

_language: ContextVar[str] = ContextVar("language", default="es")


def get_language() -> str:
    """ "es" or "en"."""
    return _language.get()


def set_language(language: str) -> None:
    """Chooses the language of what users read: "es" or "en".

    Raises
    ------
    ValueError
        There is no catalog for it.
    """
    _language.set(_known(language))


@contextmanager
def speaking(language: str | None) -> Iterator[None]:
    """Speaks another language for a while; None keeps the present one."""
    token = _language.set(_known(language) if language else get_language())
    try:
        yield
    finally:
        _language.reset(token)


def gettext(message: str) -> str:
    """The message in the language chosen."""
    return _catalog(get_language()).gettext(message)


def ngettext(one: str, many: str, n: int) -> str:
    """The message for `n` things in the language chosen."""
    return _catalog(get_language()).ngettext(one, many, n)


def _known(language: str) -> str:
    if language not in LANGUAGES:
        raise ValueError(f"the language is one of {', '.join(LANGUAGES)}, not {language!r}")
    return language


@cache
def _catalog(language: str) -> _gettext.NullTranslations:
    folder = Path(__file__).parents[1] / "locale"
    return _gettext.translation("micrograd_es", folder, [language], fallback=language == "en")
