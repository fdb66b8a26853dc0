"""The templates of pages, in each room's ``templates/``: all that is put in is escaped."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import jinja2


@cache
def _environment() -> jinja2.Environment:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("micrograd_es", ""),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # as small as it can be
    environment.policies["json.dumps_kwargs"] = {"ensure_ascii": False, "separators": (",", ":")}
    return environment


def template(room: str, name: str) -> jinja2.Template:
    """The template of a file."""
    return _environment().get_template(f"{room}/templates/{name}")


@cache
def source(room: str, name: str) -> str:
    """The text of a style or script, as it stands."""
    environment = _environment()
    assert environment.loader is not None
    return environment.loader.get_source(environment, f"{room}/templates/{name}")[0]
