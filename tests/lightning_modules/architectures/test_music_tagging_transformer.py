"""Music Tagging Transformer with weights from a formula, against the reference code."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from benchmark.predict.attention import explain
from datamodules.audio.decode import decode
from datamodules.common.errors import TagbenchError
from lightning_modules.architectures.music_tagging_transformer import MusicTaggingTransformer
from tests.support.formula import check_input, fill, signal
from tests.support.paths import DATA

GOLDEN = json.loads((DATA / "music_tagging_transformer.json").read_text(encoding="utf-8"))
SMALL = GOLDEN["variants"]["c16_d256"]
TOLERANCE = 1e-5  # on logits and sigmoids; float32 alone moves them by 2e-6
RATE = 22050


def formula_model(variant: str) -> MusicTaggingTransformer:
    facts = GOLDEN["variants"][variant]
    model = MusicTaggingTransformer.build(0, n_tags=50, **facts["params"])
    assert model.n_params == facts["parameters"]
    fill(model, GOLDEN["gain"], GOLDEN["overrides"])
    return model.eval()


def formula_audio() -> Tensor:
    audio = signal(GOLDEN["samples"], RATE)
    check_input(audio, GOLDEN["input"])
    return torch.from_numpy(audio)[None]


def sigmoids(model: MusicTaggingTransformer, audio: Tensor) -> np.ndarray:
    with torch.inference_mode():
        return model.probabilities(model(audio)).numpy()


@pytest.mark.parametrize("variant", GOLDEN["variants"])
def test_formula_weights_give_the_outputs_of_the_reference(variant):
    ours = sigmoids(formula_model(variant), formula_audio())[0]
    np.testing.assert_allclose(ours, GOLDEN["variants"][variant]["sigmoids"], atol=TOLERANCE)


def test_shorter_audio_and_silence_give_the_outputs_of_the_reference():
    model = formula_model("c16_d256")
    ours = sigmoids(model, torch.cat([formula_audio()[:, :66150], torch.zeros(1, 66150)]))
    theirs = [SMALL["sigmoids of 66150 samples"], SMALL["sigmoids of 66150 zeros"]]
    np.testing.assert_allclose(ours, theirs, atol=TOLERANCE)


@pytest.mark.parametrize("variant", GOLDEN["variants"])
def test_formula_weights_on_real_music(variant, shared_data):
    path = shared_data / "golden/01_music_tagging_transformer.json"
    golden = json.loads(path.read_text(encoding="utf-8"))
    facts, model = golden["variants"][variant], formula_model(variant)
    shapes = {key: tuple(shape) for key, shape, kind in facts["keys"] if kind != "left"}
    assert {key: tuple(value.shape) for key, value in model.state_dict().items()} == shapes
    music = [decode(shared_data / "audio" / file, RATE) for file in golden["inputs"][1:]]
    clips = [signal(golden["samples"], RATE), *(clip[: golden["samples"]] for clip in music)]
    for clip, stats in zip(clips, golden["input_stats"], strict=True):
        check_input(clip, stats)
    batch = torch.from_numpy(np.stack(clips))
    with torch.inference_mode():
        levels, together = model.spec(batch)[:, 0], model(batch)
        alone = torch.cat([model(clip[None]) for clip in batch])
    for ours, theirs in zip(levels, facts["logmel_db"], strict=True):
        assert list(ours.shape) == theirs["shape"]
        assert float(ours.mean()) == pytest.approx(theirs["mean"], abs=1e-4)
        np.testing.assert_allclose(ours.flatten()[-8:], theirs["last8"], atol=0.02)
    np.testing.assert_allclose(together, facts["logits"], atol=TOLERANCE)
    np.testing.assert_allclose(alone, facts["logits"], atol=TOLERANCE)


def test_length_limits_are_exact():
    model = MusicTaggingTransformer.build(0, n_tags=3, n_channels=1, width=8).eval()
    with torch.inference_mode():
        assert model.tokens(torch.zeros(1, 1536)).shape == (1, 2, 8)  # 4 frames
        assert model.tokens(torch.zeros(1, 2051 * 512 - 1)).shape == (1, 513, 8)
        assert model(torch.zeros(1, 2051 * 512 - 1)).shape == (1, 3)
        for samples in (1535, 2051 * 512):
            with pytest.raises(TagbenchError, match=r"cannot take .* expects 0.07 s to 47.62 s"):
                model(torch.zeros(1, samples))


def test_width_that_the_heads_do_not_divide_is_refused():
    with pytest.raises(TagbenchError, match="the width must be a multiple of 8"):
        MusicTaggingTransformer.build(0, n_tags=3, n_channels=1, width=20)


def test_layer_is_that_of_torch():
    """The residual stream and the order of norm, attention and network, against torch's class."""
    model = MusicTaggingTransformer.build(0, n_tags=3, n_channels=1, width=32).eval()
    attention, feed_forward = (part.fn for part in model.transformer.layers[0].children())
    theirs = nn.TransformerEncoderLayer(
        32, 8, 128, activation="gelu", batch_first=True, norm_first=True
    ).eval()
    theirs.self_attn.in_proj_weight.data = attention.fn.to_qkv.weight.data
    nn.init.zeros_(theirs.self_attn.in_proj_bias)
    theirs.self_attn.out_proj.load_state_dict(attention.fn.to_out[0].state_dict())
    theirs.norm1.load_state_dict(attention.norm.state_dict())
    theirs.linear1.load_state_dict(feed_forward.fn.net[0].state_dict())
    theirs.linear2.load_state_dict(feed_forward.fn.net[3].state_dict())
    theirs.norm2.load_state_dict(feed_forward.norm.state_dict())
    x = torch.from_numpy(signal(2 * 9 * 32).reshape(2, 9, 32))
    with torch.no_grad():
        expected = theirs(x)
        torch.testing.assert_close(model.transformer.layers[0](x), expected, rtol=1e-4, atol=1e-5)
        first = model.transformer.layers[0](x, kept=2)
        torch.testing.assert_close(first, expected[:, :2], rtol=1e-4, atol=1e-5)


def test_attention_can_be_read_and_forced():
    model = MusicTaggingTransformer.build(0, n_tags=3, n_channels=2, width=32).eval()
    audio = formula_audio()[:, :20480]
    with torch.no_grad():
        tokens = model.tokens(audio)
        logits = model.classify(tokens)
        first, *_, last = model.attentions
        seen: list[Tensor] = []
        hook = last.register_forward_pre_hook(lambda layer, inputs: seen.append(inputs[0]))
        model.classify(tokens)
        hook.remove()
        torch.testing.assert_close(model.classify(seen[0], first_layer=3), logits)
        last.forced = last.weights(seen[0])
        torch.testing.assert_close(model.classify(tokens), logits, rtol=1e-4, atol=1e-5)
        first.forced = torch.eye(tokens.shape[1])[None, None]
        assert (model.classify(tokens) - logits).abs().max() > 1e-4
        first.forced = last.forced = None
    shown = explain(model, ("a", "b", "c"), audio[0].numpy())
    assert shown.attention.shape[1:3] == (4, 8)
    np.testing.assert_allclose(shown.attention.sum(-1), 1, atol=1e-5)


def test_autocast_keeps_the_residual_stream_in_float32_and_trains():
    model = formula_model("c16_d256")
    streams: list[torch.dtype] = []
    for layer in model.transformer.layers:
        layer.register_forward_hook(lambda layer, inputs, output: streams.append(output.dtype))
    audio = formula_audio()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = model(audio)
        loss = model.losses(logits, torch.ones(1, 50)).mean()
    assert streams == [torch.float32] * 4
    np.testing.assert_allclose(
        model.probabilities(logits.detach())[0], SMALL["sigmoids"], atol=0.02
    )
    loss.backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())
