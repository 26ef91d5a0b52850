"""The page of all commands and options, from the commands that typer builds.

Their classes are those of click, which some versions of typer contain under another name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import typer
from markdown import table

from benchmark.cli import app

_INTRODUCTION = """\
# Commands and options

This page is generated from the commands themselves. [Command line](/command-line.md) describes how
they are used together.
"""


def _option(parameter: Any) -> tuple[str, str, str]:
    names = ", ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))
    if parameter.param_type_name == "argument":
        names = f"`{(parameter.name or '').upper()}`"
    default = parameter.default
    shown = "" if default in (None, False, (), "") or callable(default) else f"`{default}`"
    text = getattr(parameter, "help", None) or ""
    return names, text, "required" if parameter.required else shown


def _sections(command: Any, name: str) -> Iterator[str]:
    commands: Mapping[str, Any] = getattr(command, "commands", {})
    for child in sorted(commands):
        yield from _sections(commands[child], f"{name} {child}")
    if commands:
        return
    if command.hidden:
        return
    context = command.context_class(command, info_name=name)
    usage = " ".join(command.collect_usage_pieces(context))
    rows = [_option(item) for item in command.params if not getattr(item, "hidden", False)]
    text = (command.help or "").replace("\b\n", "").replace("``", "`")
    yield f"## {name}\n\n```\n{name} {usage}\n```\n\n{text}\n"
    if rows:
        yield table(("option", "effect", "default"), rows) + "\n"


def render() -> str:
    """Return the page in Markdown."""
    return "\n".join([_INTRODUCTION, *_sections(typer.main.get_command(app), "tagbench")])
