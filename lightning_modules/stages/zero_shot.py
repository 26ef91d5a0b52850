"""Vectors of the texts that stand for tags."""

from __future__ import annotations

from typing import Any, ClassVar

from datamodules.common.errors import TagbenchError
from lightning_modules.stages.base import Parents, Stage, StageContext


class ZeroShotPrompts(Stage):
    """Compute the vectors of one prompt for each tag. No audio and no labels are read.

    Args:
        template: Prompt, in which ``{tag}`` stands for the tag.
        parents: ``encoder``, which reads texts too.
    """

    identity: ClassVar[str] = "ZeroShotPrompts"
    title: ClassVar[str] = "zero-shot prompts"
    parent_names: ClassVar[tuple[str, ...]] = ("encoder",)
    trained_tags: tuple[str, ...] | None = ()

    def __init__(self, *, template: str = "This is a {tag} song.", parents: Parents) -> None:
        super().__init__(parents=parents)
        if "{tag}" not in template:
            raise TagbenchError(
                f"Stage {type(self).__name__}: expected a template with {{tag}}, got {template!r}."
            )
        self.template = template

    def run(self, context: StageContext) -> None:
        """Compute the vectors and save the model."""
        encoder: Any = self.parents["encoder"].to(context.device)
        model: Any = context.model.to(context.device)
        model.load_encoder(encoder)
        # A tag such as "genre---hip_hop" is its last part, in words.
        words = [tag.rsplit("---", 1)[-1].replace("_", " ") for tag in context.data.labelled.tags]
        texts = [self.template.replace("{tag}", word) for word in words]
        model.fit_prompts(encoder.embed_texts(texts), encoder.logit_scale)
        context.save()
