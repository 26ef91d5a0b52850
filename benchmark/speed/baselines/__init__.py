"""The yardstick: each published architecture in plain PyTorch and torchaudio.

Straight transcriptions, written apart from ``lightning_modules`` and sharing no code with it, so
that equal outputs prove both. State dicts have the published layout.
"""
