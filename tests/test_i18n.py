"""The two languages: whole catalogs, and a choice that ends where it should."""

from __future__ import annotations

import gettext
import importlib.util
import re
import threading
from pathlib import Path

import polib
import pytest

from micrograd_es import set_language
from micrograd_es.base import languages as i18n
from micrograd_es.base.languages import LANGUAGES, get_language, ngettext, speaking
from micrograd_es.base.languages import gettext as _

ROOT = Path(__file__).resolve().parent.parent
PO = polib.pofile(str(ROOT / "micrograd_es/locale/es/LC_MESSAGES/micrograd_es.po"), wrapwidth=0)
PLACEHOLDER = re.compile(r"\{[^{}]*\}|%\(\w+\)\w|%\w")


def tool():
    spec = importlib.util.spec_from_file_location("catalog", ROOT / "tools/catalog.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def translations(entry):
    return list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]


# -- the catalog --------------------------------------------------------------------


def test_every_message_has_its_translation():
    assert len(PO) > 50
    assert [e.msgid for e in PO.untranslated_entries()] == []
    assert [e.msgid for e in PO if e.fuzzy or e.obsolete] == []
    assert all(all(text.strip() for text in translations(e)) for e in PO)


def test_the_catalog_is_up_to_date_with_the_code():
    updated = tool().updated()
    assert [e.msgid for e in updated.untranslated_entries()] == []
    assert {e.msgid for e in updated} == {e.msgid for e in PO}
    assert str(updated) == str(PO)


def test_what_is_compiled_is_what_is_written():
    path = Path(PO.fpath).with_suffix(".mo")
    compiled = {e.msgid: translations(e) for e in polib.mofile(str(path))}
    assert compiled == {e.msgid: translations(e) for e in PO}


def test_placeholders_are_those_of_the_source():
    for entry in PO:
        wanted = set(PLACEHOLDER.findall(entry.msgid + entry.msgid_plural))
        for text in translations(entry):
            assert set(PLACEHOLDER.findall(text)) == wanted, entry.msgid


def test_translations_keep_the_form_of_the_source():
    for entry in PO:
        for text in translations(entry):
            assert text.count("\n") == entry.msgid.count("\n"), entry.msgid
            assert text[-1] in ".:?!…" or entry.msgid[-1] not in ".:?!…", entry.msgid
            assert text.startswith(" ") == entry.msgid.startswith(" "), entry.msgid


def test_the_tool_reads_code_and_templates(tmp_path, monkeypatch, capsys):
    catalog = tool()
    (tmp_path / "micrograd_es/templates").mkdir(parents=True)
    (tmp_path / "demos").mkdir()
    (tmp_path / "micrograd_es/a.py").write_text(
        'x = _("one"), gettext("two"), ngettext("{n} cat", "{n} cats", n), _(name), f("no")'
    )
    (tmp_path / "micrograd_es/templates/a.html").write_text("{{ _('thr\\'ee') }} {{ _(\"four\") }}")
    monkeypatch.setattr(catalog, "ROOT", tmp_path)
    monkeypatch.setattr(catalog, "CATALOG", tmp_path / "es/x.po")
    monkeypatch.setattr(catalog, "OF_ARGPARSE", ())
    assert {m for m, *_ in catalog.messages()} == {"one", "two", "{n} cat", "thr'ee", "four"}
    assert catalog.main() == 1
    assert "no translation: 'four'" in capsys.readouterr().err
    po = polib.pofile(str(tmp_path / "es/x.po"))
    for entry in po:
        if entry.msgid_plural:
            entry.msgstr_plural = {0: "{n} gato", 1: "{n} gatos"}
        else:
            entry.msgstr = "x"
    po.save()
    assert catalog.main() == 0
    (tmp_path / "micrograd_es/a.py").write_text('x = _("one"), ngettext("{n} cat", "{n} cats", n)')
    assert catalog.main() == 0  # what nothing uses is dropped
    assert {e.msgid for e in polib.pofile(str(tmp_path / "es/x.po"))} == {
        "one", "{n} cat", "thr'ee", "four"
    }  # fmt: skip
    assert (tmp_path / "es/x.mo").exists()


# -- the choice ---------------------------------------------------------------------


@pytest.fixture
def message():
    return next(e for e in PO if not e.msgid_plural and e.msgstr != e.msgid)


def test_spanish_unless_told_otherwise(message):
    assert get_language() == "es"
    assert _(message.msgid) == message.msgstr


def test_a_language_for_a_while(message):
    with speaking("en"):
        assert get_language() == "en"
        assert _(message.msgid) == message.msgid
        with speaking("es"):
            assert _(message.msgid) == message.msgstr
        with speaking(None):
            assert get_language() == "en"
    with pytest.raises(KeyError), speaking("en"):
        raise KeyError
    assert get_language() == "es"


def test_a_language_from_here_on(message):
    with speaking("es"):
        set_language("en")
        assert _(message.msgid) == message.msgid
        set_language("es")
        assert _(message.msgid) == message.msgstr


def test_another_thread_has_its_own(message):
    said = []

    def other():
        set_language("en")
        said.append(_(message.msgid))

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert said == [message.msgid]
    assert get_language() == "es"


@pytest.mark.parametrize("bad", ["fr", "", "ES", "es_AR", 3, None])
def test_other_languages(bad):
    with pytest.raises(ValueError, match="one of es, en"):
        set_language(bad)
    assert get_language() == "es"
    if bad:
        with pytest.raises(ValueError, match="one of es, en"), speaking(bad):
            pass


def test_plurals():
    plural = next(e for e in PO if e.msgid_plural)
    for n in (0, 1, 2):
        assert ngettext(plural.msgid, plural.msgid_plural, n) == plural.msgstr_plural[int(n != 1)]
        with speaking("en"):
            expected = plural.msgid if n == 1 else plural.msgid_plural
            assert ngettext(plural.msgid, plural.msgid_plural, n) == expected


def test_what_has_no_translation_stays_as_it_is():
    assert _("no such message") == "no such message"


def test_every_language_but_the_source_has_a_catalog():
    for language in LANGUAGES:
        found = i18n._catalog(language)
        assert isinstance(found, gettext.GNUTranslations) == (language != "en")
