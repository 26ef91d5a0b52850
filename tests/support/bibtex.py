"""A parser of BibTeX that checks what a bibliography needs."""

from __future__ import annotations

import re

from benchmark.report.bibliography import split


def fields_of(entry: str) -> tuple[str, str, dict[str, str]]:
    """Parse a BibTeX entry by its grammar: kind, key and fields; braces must balance."""
    match = re.fullmatch(r"@(\w+)\s*\{\s*([^,\s{}]+)\s*,(.*)\}", entry, re.DOTALL)
    kind, key, rest = match.groups()
    fields, at = {}, 0
    while match := re.compile(r"[\s,]*([\w-]+)\s*=\s*").match(rest, at):
        at = match.end()
        if rest[at] == "{":
            depth, end = 1, at + 1
            while depth:  # IndexError if a brace is never closed
                depth += {"{": 1, "}": -1}.get(rest[end], 0)
                end += 1
        elif rest[at] == '"':
            end = rest.index('"', at + 1) + 1
        else:
            end = re.compile(r"\d+").match(rest, at).end()
        value = rest[at:end]
        assert value.count("{") == value.count("}"), (key, value)
        assert match[1].lower() not in fields, (key, match[1])
        fields[match[1].lower()], at = value, end
    assert not rest[at:].strip(" ,\n"), (key, rest[at:])
    return kind.lower(), key, fields


def entries_of(text: str) -> dict[str, dict[str, str]]:
    """Parse a bibliography: fields by key. Keys must differ, and a paper needs its fields."""
    parsed = [fields_of(entry) for entry in split(text)]
    keys = [key for _, key, _ in parsed]
    assert len({key.lower() for key in keys}) == len(keys)  # BibTeX ignores case
    assert text.count("{") == text.count("}")
    for kind, key, fields in parsed:
        assert "title" in fields, key
        if kind in ("article", "inproceedings"):
            assert {"author", "year"} <= set(fields), key
            assert {"journal", "booktitle"} & set(fields), key
    return {key: fields for _, key, fields in parsed}
