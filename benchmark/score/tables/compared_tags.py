"""The tables ``left_out_tags.csv`` and ``tag_aliases.csv``: how tags of models were matched."""

from __future__ import annotations

from benchmark.config.compared_tags import ComparedTags, MatchedTags
from benchmark.score.tables.schema import Rows, TableInputs, TableSpec, columns, ordered

CORPUS, MODEL = "corpus", "model"
"""Values of the column ``tag_of``."""


def _left_out(inputs: TableInputs) -> Rows:
    """Return one row per tag that is not compared and model that is the reason."""
    compared = inputs.compared
    if compared is None:
        return ()
    rows = [
        {"tag": tag, "tag_of": CORPUS, "model": name, "reason": _no_match(compared, name, tag)}
        for tag in compared.left_out
        for name in compared.lacking(tag)
    ]
    for name, own in compared.models.items():
        used = {own.matched[tag] for tag in compared.tags if tag in own.matched}
        matched = {output: tag for tag, output in own.matched.items()}
        rows += [
            {"tag": tag, "tag_of": MODEL, "model": name, "reason": _unused(compared, own, tag)}
            for tag in own.tags
            # A tag of the corpus that another model lacks has a row of its own.
            if tag not in used and not (compared.corpus and tag in matched)
        ]
    return rows


def _no_match(compared: ComparedTags, model: str, tag: str) -> str:
    """Return why a tag of the corpus has no match among those of a model."""
    own = compared.models[model]
    if tag not in own.ambiguous:
        return "not predicted"
    return _ambiguous(own, tag)


def _unused(compared: ComparedTags, own: MatchedTags, tag: str) -> str:
    """Return why a tag of a model is not compared."""
    if tag in own.ambiguous:
        return _ambiguous(own, tag)
    return "not in the corpus" if compared.corpus else "not predicted by all other models"


def _ambiguous(own: MatchedTags, tag: str) -> str:
    return f"ambiguous: may be {' or '.join(own.ambiguous[tag])}" + (
        "" if len(own.ambiguous[tag]) > 1 else ", which has other matches too"
    )


def _aliases(inputs: TableInputs) -> Rows:
    """Return one row per compared tag that a model spells otherwise."""
    compared = inputs.compared
    if compared is None:
        return ()
    return [
        {
            "tag": tag,
            "model": name,
            "trained_on": own.trained_on,
            "model_tag": own.matched[tag],
            "rule": own.rules[tag],
        }
        for tag in compared.tags
        for name, own in compared.models.items()
        if tag in own.rules
    ]


_COLUMNS = columns(
    "text",
    tag="name of the tag",
    tag_of="corpus for a tag of the dataset, model for a further tag of an imported model",
    reason="why it is not compared: not predicted, not in the corpus, or ambiguous",
    trained_on="dataset that the model was trained on",
    model_tag="tag of the model that is taken as the same",
    rule="spelling if only case, hyphens and spaces differ; alias if a table of aliases joins them",
)

TABLES = (
    TableSpec(
        "left_out_tags",
        "one row per tag that is not compared and imported model that is the reason",
        ("tag", "tag_of", "model"),
        ordered("tag tag_of model reason", _COLUMNS),
        from_inputs=_left_out,
        optional=True,
    ),
    TableSpec(
        "tag_aliases",
        "one row per imported model and compared tag that it spells otherwise",
        ("tag", "model"),
        ordered("tag model trained_on model_tag rule", _COLUMNS),
        from_inputs=_aliases,
        optional=True,
    ),
)
