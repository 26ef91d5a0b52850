"""Drum grooves, bass lines and accompaniment rhythms of the genres, in sixteenth notes of a bar.

A bar of four quarter notes has 16 characters, a bar of three has 12.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from datamodules.synthesis.rhythm import GROOVES as STYLE_GROOVES

Voicing = Literal["triad", "seventh", "power", "single"]


class Comp(NamedTuple):
    """Rhythm of an accompaniment.

    Attributes:
        marks: Velocity in tenths at each sixteenth note; "." is a rest.
        gate: Duration of a chord in beats.
        voicing: ``triad``: the three tones and the lowest an octave higher; ``seventh``: third,
            fifth, seventh and ninth; ``power``: root, fifth and octave; ``single``: one tone of the
            triad after the other.
        spread: Delay from one tone to the next in seconds, as of a strummed chord.
    """

    marks: str
    gate: float
    voicing: Voicing
    spread: float = 0.0


COMPS: dict[str, tuple[Comp, ...]] = {
    "block": (Comp("8...............", 4.0, "triad"), Comp("8.......7.......", 2.0, "triad")),
    "block3": (Comp("8...........", 3.0, "triad"),),
    "drive": (
        Comp("9.7.7.7.9.7.7.7.", 0.45, "power"),
        Comp("9.....9.7...9.7.", 0.7, "power"),
        Comp("9.779.779.779.77", 0.22, "power"),
    ),
    "ring": (Comp("9...............", 4.0, "power"), Comp("9.......8.......", 2.0, "power")),
    "pulse": (Comp("8...7...8...7...", 0.9, "triad"), Comp("8.7.7.7.8.7.7.7.", 0.45, "triad")),
    "strum": (
        Comp("9...8.6...6.8.6.", 0.9, "triad", 0.012),
        Comp("9.....7.9.6.7.6.", 0.9, "triad", 0.012),
    ),
    "strum3": (
        Comp("5...8...8...", 0.9, "triad", 0.012),
        Comp("6...8.6.8.6.", 0.7, "triad", 0.012),
    ),
    "pick": (Comp("8.6.7.6.8.6.7.6.", 1.2, "single"), Comp("8..67.6.8..67.6.", 1.0, "single")),
    "pick3": (Comp("8.6.7.6.7.6.", 1.2, "single"), Comp("8...6.6.7.6.", 1.2, "single")),
    "skank": (
        Comp("....9.......9...", 0.25, "triad"),
        Comp("..8...8...8...8.", 0.2, "triad"),
        Comp("....9.5.....9.5.", 0.2, "triad"),
    ),
    "bubble": (Comp("..6.5.6...6.5.6.", 0.25, "triad"), Comp(".55..55..55..55.", 0.2, "triad")),
    "swing": (
        Comp("8.....7.........", 0.6, "seventh"),
        Comp("..7.......7.....", 0.5, "seventh"),
        Comp("......8.......7.", 0.7, "seventh"),
        Comp("7...5...6...5...", 0.5, "seventh"),
    ),
    "stab": (
        Comp("8..8..8...8..8..", 0.25, "triad"),
        Comp("..8...8...8...8.", 0.3, "triad"),
        Comp("...7......7.....", 0.3, "seventh"),
    ),
    "roll": (
        Comp("8656765686567656", 0.2, "single"),
        Comp("8.67.67.8.67.67.", 0.2, "single"),
    ),
    "arpeggio": (Comp("8.6.7.6.8.6.7.6.", 0.5, "single"), Comp("8...7...8...7...", 1.0, "single")),
    "arpeggio3": (Comp("8.6.7.6.7.6.", 0.5, "single"),),
    "bells": (Comp("7.....6.........", 2.0, "single"), Comp("7.........5.....", 2.0, "single")),
}

# r root, t third, f fifth, o octave, a a semitone below the next root; "-" holds, "." rests.
BASSES: dict[str, tuple[str, ...]] = {
    "rock": ("r-r-r-r-r-r-r-r-", "r---r-r-f---r-r-", "r-----r-r---o-f-"),
    "ballad": ("r-----------f---", "r-----r-f-----r-"),
    "root3": ("r-----------", "r-------f---"),
    "folk": ("r-------f-------", "r-----r-f-----a-"),
    "techno": ("..r-..r-..r-..r-", "r.rr.rrrr.rr.rro", "..rr..rr..rr..or"),
    "long": ("r-----------r---", "r---------o-f---", "r---------------", "r-..r-....r---a-"),
    "reggae": ("....r-r-f---t---", "r--..r-rt-f-....", "r-.r-.r-f-..t-r-", "r---....f-t-r-.."),
    "drone": ("r---------------",),
    "cello": ("r-------t-------", "r---t---f---r---", "r-------f---a---"),
    "cello3": ("r-----------", "r---f---r---"),
}

Groove = dict[str, str]
GROOVES: dict[str, tuple[Groove, ...]] = {
    "rock": (
        *STYLE_GROOVES["rock"],
        {"kick": "9.......9.9.....", "snare": "....9.......9...", "ride": "6.5.6.5.6.5.6.5."},
        {"kick": "9.....6...9.....", "snare": "........9.......", "hat": "7...6...7...6..."},
    ),
    "techno": (
        *STYLE_GROOVES["techno"],
        {"kick": "9...9...9...9...", "rim": "...6..6....6..5.", "hat": "..7...7...7...75"},
        {"kick": "9..9....9..9..9.", "clap": "....7.......7...", "hat": "4.7.4.7.4.7.4.7."},
    ),
    "break": (
        {"kick": "9.........9.....", "snare": "....9..3.4..9...", "hat": "6.4.6.4.6.4.6.4."},
        {"kick": "9.9.......99....", "snare": "....9..4.4..9..4", "ride": "6.5.6.5.6.5.6.5."},
        {"kick": "9.....9...9.....", "snare": "....9.......9.34", "hat": "6345634563456345"},
        {"kick": "9...............", "snare": "........9.....3.", "hat": "5.4.5.4.5.4.5.44"},
    ),
    "swing": (
        {"ride": "7...6.5.7...6.5.", "hat": "....6.......6...", "kick": "3...3...3...3..."},
        {"ride": "7...6.5.7...6.5.", "hat": "....6.......6...", "snare": "......3.......4."},
        {"brush": "6.4.7.4.6.4.7.4.", "hat": "....5.......5...", "kick": "4.......3......."},
        {"ride": "6.5.6...6.5.6...", "rim": "............6...", "kick": "5.....4........."},
    ),
    "reggae": (
        {"kick": "........9.......", "rim": "........8.....3.", "hat": "6.4.6.4.6.4.6.4."},
        {"kick": "9...9...9...9...", "rim": "........8.......", "hat": "5.5.5.545.5.5.5."},
        {"kick": "9.......9.....5.", "snare": "....8.......8...", "hat": "6.456.456.456.45"},
        {"kick": "........9.......", "snare": "........8.......", "high_drum": "6.....4.6..4.4.."},
    ),
    "hands": STYLE_GROOVES["hands"],
    "hands3": (
        {"shaker": "5.4.5.4.5.4.", "low_drum": "8...........", "high_drum": "....5...5..."},
        {"shaker": "6...4...4...", "high_drum": "....6.....4."},
    ),
    "slow": (
        {"low_drum": "6...............", "shaker": "....3.......3..."},
        {"low_drum": "5.........4.....", "brush": "..3...3...3...3."},
    ),
}
FILLS: dict[str, Groove] = {
    "rock": {"snare": "....9...6.678789", "kick": "9.......9......."},
    "break": {"snare": "..9..9..9..99.9.", "kick": "9..9..9..9......"},
    "swing": {"snare": "....5.5.6.5.7.5.", "ride": "7...6.5.7......."},
    "reggae": {"snare": "..........778.8.", "high_drum": "6...6..6........"},
    "hands": {"high_drum": "6.6.6.6.6.6.7.8.", "low_drum": "8..............."},
}
