"""Rendering of the music of the synthetic corpus ``synth``.

``factors`` draws the factors of a clip, ``tag_rules`` derives its tags, ``composition`` writes the
notes with ``harmony``, ``rhythm`` and ``arrangement``, ``plucked_and_struck``, ``sustained`` and
``percussion`` play them with ``oscillators``, ``mixing`` adds reverberation and sets the level, and
``render`` runs these steps. Nothing here imports torch.
"""
