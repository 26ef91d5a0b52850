"""Recipes of the genres: tempo, swing, harmony, line-ups and room.

A line-up is the number of beats in a bar and ``role:pattern=instrument`` for each part, with the
patterns of ``patterns``. Roles without a pattern are those of `datamodules.synthesis.arrangement`.
A progression is a scale (``SCALES``) and a degree for each bar.
"""

from __future__ import annotations

from dataclasses import dataclass

from datamodules.synthesis.harmony import HARMONIC_MINOR, MAJOR, NATURAL_MINOR

SCALES: dict[str, tuple[int, ...]] = {
    "M": MAJOR,
    "m": NATURAL_MINOR,
    "h": HARMONIC_MINOR,
    "x": (0, 2, 4, 5, 7, 9, 10),  # Mixolydian: a major scale with a lowered seventh
    "d": (0, 2, 3, 5, 7, 9, 10),  # Dorian: a minor scale with a raised sixth
}


@dataclass(frozen=True)
class Recipe:
    """What the tracks of a genre have in common.

    Attributes:
        tempo_bpm: Range of the tempo of artists in quarter notes per minute.
        swing: Range of the part of a beat before its second eighth note; 0.5 is straight.
        reverb_s: Range of the reverberation time (RT60) in seconds.
        wet: Range of the ratio of reverberant to direct amplitude.
        jitter_s: Largest random deviation of an onset in seconds.
        rubato_s: Depth of the slow variation of the tempo in seconds.
        progressions: Chords of the bars.
        lineups: Parts.
    """

    tempo_bpm: tuple[float, float]
    swing: tuple[float, float]
    reverb_s: tuple[float, float]
    wet: tuple[float, float]
    jitter_s: float
    rubato_s: float
    progressions: tuple[str, ...]
    lineups: tuple[str, ...]


RECIPES: dict[str, Recipe] = {
    "ambient": Recipe(
        (56.0, 100.0), (0.5, 0.5), (1.8, 4.5), (0.3, 0.7), 0.015, 0.0,
        ("m0 m5", "M0 M3", "M0 M2 M5 M3", "d0 d3", "m0 m0 m5 m2"),
        (
            "4 pad=synth_pad chords:bells=fm_piano",
            "4 pad=synth_pad pad=choir chords:bells=piano",
            "4 pad=strings melody=flute bass:drone=reese_bass",
            "4 pad=synth_pad melody=clean_guitar drums:slow=percussion",
            "4 pad=organ pad=strings chords:arpeggio=fm_piano",
            "4 pad=synth_pad chords:roll=synth_lead bass:drone=reese_bass",
        ),
    ),
    "classical": Recipe(
        (64.0, 150.0), (0.5, 0.5), (0.8, 2.6), (0.15, 0.45), 0.012, 0.05,
        ("M0 M3 M4 M0", "M0 M5 M1 M4", "m0 m3 h4 m0", "m0 m5 m3 h4", "M0 M4 M5 M2 M3 M0 M3 M4"),
        (
            "4 melody=violin counter=violin bass:cello=cello",
            "3 melody=violin pad=strings bass:cello3=cello",
            "4 melody=violin chords:pulse=strings bass:cello=cello",
            "4 melody=flute chords:arpeggio=harpsichord bass:cello=cello",
            "4 solo=piano",
            "3 melody=piano chords:arpeggio3=piano",
            "4 melody=guitar chords:pick=guitar",
            "4 pad=choir chords:block=organ",
        ),
    ),
    "drum and bass": Recipe(
        (158.0, 178.0), (0.5, 0.5), (0.4, 1.6), (0.08, 0.3), 0.0, 0.0,
        ("m0 m5", "m0 m0 m5 m6", "d0 d3", "m0", "m5 m6 m0 m0"),
        (
            "4 drums:break=drum_machine bass:long=reese_bass pad=synth_pad",
            "4 drums:break=drum_kit bass:long=reese_bass chords:bells=fm_piano",
            "4 drums:break=drum_machine bass:long=reese_bass chords:stab=synth_lead",
            "4 drums:break=drum_kit bass:long=synth_bass pad=strings melody=voice",
        ),
    ),
    "folk": Recipe(
        (84.0, 150.0), (0.5, 0.56), (0.3, 1.2), (0.08, 0.25), 0.012, 0.02,
        ("M0 M3 M0 M4", "M0 M4 M0 M3", "M0 M5 M3 M4", "x0 x6 x0 x3", "d0 d6 d0 d3"),
        (
            "3 chords:strum3=guitar melody=violin bass:root3=upright_bass",
            "3 chords:pick3=guitar melody=voice",
            "3 chords:strum3=guitar melody=flute drums:hands3=percussion",
            "4 chords:strum=guitar melody=voice bass:folk=upright_bass",
            "4 chords:pick=guitar melody=flute counter=violin",
            "4 chords:strum=guitar melody=violin drums:hands=percussion",
            "4 chords:pick=guitar chords:strum=guitar melody=voice bass:folk=bass",
        ),
    ),
    "jazz": Recipe(
        (88.0, 210.0), (0.6, 0.68), (0.4, 1.4), (0.08, 0.3), 0.015, 0.0,
        ("M1 M4 M0 M0", "M0 M5 M1 M4", "x0 d3 x0 M4", "d0 d0 d3 d0", "m1 h4 m0 m0"),
        (
            "4 drums:swing=drum_kit bass:walking=upright_bass chords:swing=piano melody=saxophone",
            "4 drums:swing=drum_kit bass:walking=upright_bass chords:swing=piano melody=trumpet",
            "4 drums:swing=drum_kit bass:walking=upright_bass chords:swing=clean_guitar"
            " melody=piano",
            "4 drums:swing=drum_kit bass:walking=bass chords:swing=organ melody=clean_guitar",
            "4 bass:walking=upright_bass chords:swing=fm_piano melody=saxophone",
        ),
    ),
    "reggae": Recipe(
        (68.0, 96.0), (0.5, 0.6), (0.4, 1.6), (0.1, 0.35), 0.01, 0.0,
        ("M0 M3", "M0 M4 M5 M3", "m0 m3", "x0 x6", "m0 m6 m0 m4"),
        (
            "4 drums:reggae=drum_kit bass:reggae=bass chords:skank=clean_guitar"
            " chords:bubble=organ melody=voice",
            "4 drums:reggae=drum_kit bass:reggae=bass chords:skank=clean_guitar melody=trumpet",
            "4 drums:reggae=drum_kit bass:reggae=bass chords:skank=piano chords:bubble=organ"
            " melody=saxophone",
            "4 drums:reggae=drum_machine bass:reggae=reese_bass chords:skank=organ",
        ),
    ),
    "rock": Recipe(
        (84.0, 168.0), (0.5, 0.54), (0.3, 1.4), (0.06, 0.25), 0.008, 0.0,
        ("M0 M3 M4 M3", "M0 M5 M3 M4", "x0 x6 x3 x0", "m0 m5 m2 m6", "x0 x0 x6 x3", "m0 m6 m5 m6"),
        (
            "4 drums:rock=drum_kit bass:rock=bass chords:drive=electric_guitar melody=voice",
            "4 drums:rock=drum_kit bass:rock=bass chords:drive=electric_guitar"
            " melody=electric_guitar",
            "4 drums:rock=drum_kit bass:rock=bass chords:ring=electric_guitar chords:pulse=organ"
            " melody=voice",
            "4 drums:rock=drum_kit bass:ballad=bass chords:pulse=piano melody=voice",
            "4 drums:rock=drum_kit bass:rock=bass chords:pick=clean_guitar melody=voice",
            "4 drums:rock=drum_kit bass:ballad=bass chords:strum=guitar melody=electric_guitar",
        ),
    ),
    "techno": Recipe(
        (116.0, 148.0), (0.5, 0.53), (0.4, 1.6), (0.08, 0.3), 0.0, 0.0,
        ("m0 m5", "m0 m0 m5 m3", "m0", "d0 d3", "m5 m3 m0 m0"),
        (
            "4 drums:techno=drum_machine bass:techno=synth_bass chords:stab=synth_lead",
            "4 drums:techno=drum_machine bass:techno=synth_bass chords:roll=synth_lead"
            " pad=synth_pad",
            "4 drums:techno=drum_machine bass:techno=synth_bass chords:stab=organ",
            "4 drums:techno=drum_machine bass:long=reese_bass chords:roll=fm_piano pad=strings",
            "4 drums:techno=drum_machine bass:techno=reese_bass chords:pulse=piano melody=voice",
        ),
    ),
}  # fmt: skip
GENRES = tuple(RECIPES)
