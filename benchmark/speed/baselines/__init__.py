"""Plain transcriptions of the published architectures, in PyTorch and torchaudio.

They share no code with ``lightning_modules``, so that equal outputs are evidence for both. Their
state dicts have the published layout.
"""
