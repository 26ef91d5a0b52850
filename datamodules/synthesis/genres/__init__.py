"""Rendering of the music of the genre corpus ``synth_genre``.

``recipes`` describes the genres, with the rhythms of ``patterns``. ``catalogue`` draws artists,
albums and tracks, ``composition`` writes the notes of a track, ``render`` plays them with the
instruments of `datamodules.synthesis`, and ``clip_source`` is the source of a clip for the
preparation of the corpus. Nothing here imports torch.
"""
