"""Tags of the synthetic corpus: names from MagnaTagATune, each true by construction.

| tag | condition |
|---|---|
| ambient, classical, rock, techno | the style has this name |
| guitar | an acoustic or an electric guitar plays |
| strings | a string ensemble or a violin plays |
| synth | a synthesizer lead or pad plays |
| piano, violin, flute, harpsichord, organ, choir | that instrument plays |
| vocal | a solo voice sings |
| no vocals | neither a voice nor a choir sings |
| drums | a drum kit, a drum machine or hand percussion plays |
| beat | a drum kit or a drum machine plays (kick and backbeat in every bar) |
| solo | exactly one instrument plays |
| slow, fast | below 80, above 140 beats a minute |
| quiet, loud | RMS below -28, above -16 dBFS |
"""

from __future__ import annotations

from collections.abc import Callable

from datamodules.synthesis.factors import Factors

SLOW_BELOW_BPM = 80.0
FAST_ABOVE_BPM = 140.0
QUIET_BELOW_DBFS = -28.0
LOUD_ABOVE_DBFS = -16.0


def _plays(*instruments: str) -> Callable[[Factors], bool]:
    return lambda factors: not set(instruments).isdisjoint(factors.instruments)


def _style(style: str) -> Callable[[Factors], bool]:
    return lambda factors: factors.style == style


RULES: dict[str, Callable[[Factors], bool]] = {
    "ambient": _style("ambient"),
    "beat": _plays("drum_kit", "drum_machine"),
    "choir": _plays("choir"),
    "classical": _style("classical"),
    "drums": _plays("drum_kit", "drum_machine", "percussion"),
    "fast": lambda factors: factors.tempo_bpm > FAST_ABOVE_BPM,
    "flute": _plays("flute"),
    "guitar": _plays("guitar", "electric_guitar"),
    "harpsichord": _plays("harpsichord"),
    "loud": lambda factors: factors.level_dbfs > LOUD_ABOVE_DBFS,
    "no vocals": lambda factors: {"choir", "voice"}.isdisjoint(factors.instruments),
    "organ": _plays("organ"),
    "piano": _plays("piano"),
    "quiet": lambda factors: factors.level_dbfs < QUIET_BELOW_DBFS,
    "rock": _style("rock"),
    "slow": lambda factors: factors.tempo_bpm < SLOW_BELOW_BPM,
    "solo": lambda factors: len(factors.instruments) == 1,
    "strings": _plays("strings", "violin"),
    "synth": _plays("synth_lead", "synth_pad"),
    "techno": _style("techno"),
    "violin": _plays("violin"),
    "vocal": _plays("voice"),
}
TAGS = tuple(RULES)


def tags_of(factors: Factors) -> tuple[str, ...]:
    """Return the tags whose condition is true, in the order of ``TAGS``."""
    return tuple(tag for tag, holds in RULES.items() if holds(factors))
