"""Pretrained encoders from tiny folders: transformers' own outputs are the reference."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from benchmark.checkpoints.checkpoint import load_checkpoint
from benchmark.checkpoints.encoders import encoder_class, encoder_names, import_encoder
from datamodules.common.errors import TagbenchError
from datamodules.common.seeding import rng_for
from lightning_modules.architectures.probe import Probe
from lightning_modules.architectures.zero_shot import ZeroShot
from lightning_modules.frozen.encoder import FrozenEncoder
from lightning_modules.frozen.head import layer_vectors
from lightning_modules.frozen.weights import renamed
from lightning_modules.stages.zero_shot import ZeroShotPrompts
from tests.support import tiny_encoders
from tests.support.tiny_encoders import TINY, Tiny, transformers

BY_NAME = {tiny.model: tiny for tiny in TINY}
Change = Callable[[dict[str, Tensor]], Mapping[str, Tensor]]


def imported(tiny: Tiny, folder: Path, change: Change | None = None) -> tuple[FrozenEncoder, Any]:
    """Save a network, import its folder, and return the encoder and the network.

    ``change`` changes the tensors in the file.
    """
    network = tiny_encoders.save(tiny, folder)
    if change is not None:
        path = folder / "model.safetensors"
        torch.save(dict(change(safetensors.torch.load_file(path))), folder / "pytorch_model.bin")
        path.unlink()
    result = import_encoder(folder, tiny.model, folder.parent / "out", tiny.seconds)
    module = load_checkpoint(result.folder)[0]
    assert isinstance(module, FrozenEncoder)
    return module, network


def noise(module: FrozenEncoder, windows: int = 2) -> Tensor:
    shape = (windows, module.input_samples)
    return torch.from_numpy(rng_for("encoder").standard_normal(shape)).float() * 0.1 + 0.02


def reference(tiny: Tiny, network: Any, audio: Tensor) -> list[Tensor]:
    """Return the states of a network of transformers for the features of its own extractor."""
    windows = list(audio.numpy())
    features = dict(
        tiny.extractor()(windows, sampling_rate=tiny.rate, return_tensors="np")  # type: ignore[misc]
    )
    name = "input_features" if tiny.model == "clap" else "input_values"
    inputs = torch.from_numpy(np.asarray(features[name], np.float32))
    if tiny.model == "encodec":
        return [network.encoder(inputs).mean(2)]
    if tiny.model == "clap":
        states = network.audio_model(inputs, output_hidden_states=True).hidden_states
        return [*(s.mean((2, 3)) for s in states), network.get_audio_features(inputs).pooler_output]
    result = network(inputs, output_hidden_states=True)
    if tiny.model == "ast":
        return [*(state[:, 2:].mean(1) for state in result.hidden_states), result.pooler_output]
    return [state.mean(1) for state in result.hidden_states]


@pytest.mark.parametrize("tiny", TINY, ids=lambda tiny: tiny.model)
def test_outputs_are_those_of_transformers(tiny: Tiny, tmp_path: Path) -> None:
    module, network = imported(tiny, tmp_path / "folder")
    assert module.sample_rate == tiny.rate
    assert module.n_params == 0
    assert (tiny.model == "wavlm") == (tmp_path / "folder/model.safetensors.index.json").exists()
    audio = noise(module)
    with torch.inference_mode():
        layers = module.embed_layers(audio)
        expected = reference(tiny, network, audio)
        embedding = module.embed(audio)
    assert tuple(layers) == module.layer_names
    assert {name: x.shape[1] for name, x in layers.items()} == module.layer_widths
    if tiny.model == "clap":  # transformers returns it with length one
        layers["projected"] = nn.functional.normalize(layers["projected"], dim=1)
    for found, other in zip(layers.values(), expected, strict=True):
        torch.testing.assert_close(found, other, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(embedding, module.embed_layers(audio)[module.layer_names[-1]])
    with pytest.raises(TagbenchError, match=r"predicts no tags.* probe"):
        module(audio)


def test_weights_of_other_versions_and_tasks_are_read(tmp_path: Path) -> None:
    def change(tensors: dict[str, Tensor]) -> Mapping[str, Tensor]:
        old = {
            f"hubert.{name.replace(new, before)}": value
            for name, value in tensors.items()
            for new, before in [("parametrizations.weight.original", "weight_")]
        }
        swapped = {n.replace("weight_0", "weight_g").replace("weight_1", "weight_v"): v
                   for n, v in old.items()}  # fmt: skip
        return swapped | {"lm_head.weight": torch.ones(3, 16), "lm_head.bias": torch.ones(3)}

    module, network = imported(BY_NAME["hubert"], tmp_path / "folder", change)
    found = module.network.state_dict()
    for name, value in network.state_dict().items():
        assert torch.equal(found[name], value), name


def test_wrong_weights_are_errors_that_name_them(tmp_path: Path) -> None:
    missing = "encoder.pos_conv_embed.conv.parametrizations.weight.original0"

    def change(tensors: dict[str, Tensor]) -> Mapping[str, Tensor]:
        del tensors[missing]
        tensors["encoder.layer_norm.bias"] = torch.ones(5)
        return tensors | {"adapter.weight": torch.ones(2)}

    with pytest.raises(TagbenchError, match="3 in all") as caught:
        imported(BY_NAME["hubert"], tmp_path / "folder", change)
    for text in (
        f"{missing}: missing in the file",
        "encoder.layer_norm.bias: expected (16,), got (5,)",
        "adapter.weight: not part of the network",
    ):
        assert text in str(caught.value)
    assert not (tmp_path / "out" / "folder").exists()


def test_folders_of_other_models_and_names_without_a_network_say_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "folder"
    tiny_encoders.save(BY_NAME["wavlm"], folder)
    with pytest.raises(TagbenchError, match=r"type 'wavlm'.* Use --model wavlm"):
        import_encoder(folder, "hubert", tmp_path)
    (folder / "preprocessor_config.json").unlink()
    with pytest.raises(TagbenchError, match=r"expected the file preprocessor_config\.json"):
        import_encoder(folder, "wavlm", tmp_path)
    hub = pytest.importorskip("huggingface_hub")

    def fail(*_: object, **__: object) -> None:
        raise ConnectionError("no network")

    monkeypatch.setattr(hub, "list_repo_files", fail)
    monkeypatch.setattr(hub, "snapshot_download", fail)
    with pytest.raises(
        TagbenchError, match=r"Download config\.json.*huggingface\.co/a/b into"
    ) as e:
        import_encoder(Path("a/b"), "mert", tmp_path)
    assert "\n" not in str(e.value)
    with pytest.raises(TagbenchError, match="is not a folder"):
        import_encoder(tmp_path / "absent", "mert", tmp_path)


def test_a_download_states_its_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = pytest.importorskip("huggingface_hub")
    tiny_encoders.save(BY_NAME["hubert"], tmp_path / "c0ffee")
    asked: list[dict[str, Any]] = []

    def snapshot(name: str, **options: Any) -> str:
        asked.append({"name": name, **options})
        return str(tmp_path / "c0ffee")

    monkeypatch.setattr(hub, "list_repo_files", lambda *_, **__: ["model.safetensors", "a.bin"])
    monkeypatch.setattr(hub, "snapshot_download", snapshot)
    card = import_encoder(Path("a/b"), "hubert", tmp_path, revision="main").card
    assert (card.model, card.source.revision, card.tags) == ("a-b", "c0ffee", ())
    local = import_encoder(tmp_path / "c0ffee", "hubert", tmp_path).card
    assert local.architecture == card.architecture  # the same weights have the same ids
    assert asked == [
        {"name": "a/b", "revision": "main", "allow_patterns": ["*.json", "*.safetensors"]}
    ]


def test_mert_95m_has_the_tensors_of_its_publication() -> None:
    config = transformers.HubertConfig(
        **{"model_type": "mert_model", "attention_relax": -1.0, "feature_extractor_cqt": False}
    )
    with torch.device("meta"):
        network = transformers.HubertModel(config)
    wide, deep = (768, 768), (3072, 768)
    shapes = {
        "masked_spec_embed": (768,),
        "feature_extractor.conv_layers.0.conv.weight": (512, 1, 10),
        "feature_extractor.conv_layers.0.layer_norm.weight": (512,),
        "feature_extractor.conv_layers.0.layer_norm.bias": (512,),
        **{f"feature_extractor.conv_layers.{n}.conv.weight": (512, 512, 3 if n < 5 else 2)
           for n in range(1, 7)},
        "feature_projection.layer_norm.weight": (512,),
        "feature_projection.layer_norm.bias": (512,),
        "feature_projection.projection.weight": (768, 512),
        "feature_projection.projection.bias": (768,),
        "encoder.pos_conv_embed.conv.bias": (768,),
        "encoder.pos_conv_embed.conv.weight_g": (1, 1, 128),
        "encoder.pos_conv_embed.conv.weight_v": (768, 48, 128),
        "encoder.layer_norm.weight": (768,),
        "encoder.layer_norm.bias": (768,),
    }  # fmt: skip
    parts = {"feed_forward.intermediate_dense": deep, "feed_forward.output_dense": deep[::-1]}
    parts |= {f"attention.{name}_proj": wide for name in ("k", "v", "q", "out")}
    for n in range(12):
        for name, shape in parts.items():
            shapes[f"encoder.layers.{n}.{name}.weight"] = shape
            shapes[f"encoder.layers.{n}.{name}.bias"] = shape[:1]
        for name in ("layer_norm", "final_layer_norm"):
            shapes[f"encoder.layers.{n}.{name}.weight"] = (768,)
            shapes[f"encoder.layers.{n}.{name}.bias"] = (768,)
    file = {name: torch.empty(shape, device="meta") for name, shape in shapes.items()}
    found = {name: tuple(value.shape) for name, value in renamed(file, network).items()}
    assert found == {name: tuple(v.shape) for name, v in network.state_dict().items()}
    with pytest.raises(TagbenchError, match="deepnorm: true"):
        encoder_class("mert").check_config({"deepnorm": True})


def described(module: FrozenEncoder) -> dict[str, Any]:
    """Return a module as the parent of another model."""
    names = ("config", "extractor", "seconds", "sha256", "files")
    params = {name: module.hparams[name] for name in names}
    cls = type(module)
    return {"class_path": f"{cls.__module__}.{cls.__name__}", "params": params, "n_tags": 0}


def test_a_probe_reads_one_layer_or_learns_the_weights_of_all(tmp_path: Path) -> None:
    module, _ = imported(BY_NAME["hubert"], tmp_path / "folder")
    audio, encoder = noise(module, 3), described(module)
    layers = module.embed_layers(audio)
    for layer in ("", "layer_1", "all"):
        probe = Probe.build(0, encoder=encoder, n_tags=2, layer=layer, hidden=4, dropout=0.2).eval()
        probe.load_encoder(module)
        chosen = sum(layers.values()) / 3 if layer == "all" else layers[layer or "layer_2"]
        torch.testing.assert_close(probe(audio), probe.head(chosen))
        probe.losses(probe(audio), torch.eye(3)[:, :2]).sum().backward()
        learned = [name for name, p in probe.named_parameters() if p.grad is not None]
        assert ("layer_weights" in learned) == (layer == "all")
        assert probe.n_params == 16 * 4 + 4 + 4 * 2 + 2 + 3 * (layer == "all")
    assert probe.layer_weights.grad is not None
    assert (probe.layer_weights.grad != 0).all()
    vectors = layer_vectors(module, audio).half()
    torch.testing.assert_close(probe.head_logits(vectors.float()), probe(audio), atol=1e-2, rtol=0)
    with pytest.raises(TagbenchError, match="layer_7"):
        Probe.build(0, encoder=encoder, n_tags=2, layer="layer_7")


def test_zero_shot_scores_are_the_logits_of_clap(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    tokenizer = (folder.mkdir(), tiny_encoders.save_tokenizer(folder))[1]
    module, network = imported(BY_NAME["clap"], folder)
    audio = noise(module)
    model = ZeroShot.build(0, encoder=described(module), n_tags=2).eval()
    saved: list[bool] = []
    context = SimpleNamespace(
        model=model, device=torch.device("cpu"), save=lambda: saved.append(True),
        data=SimpleNamespace(labelled=SimpleNamespace(tags=("mood---high", "low_tone"))),
    )  # fmt: skip
    ZeroShotPrompts(parents={"encoder": module}).run(context)  # type: ignore[arg-type]
    extract = BY_NAME["clap"].extractor()  # type: ignore[misc]
    features = extract(list(audio.numpy()), sampling_rate=48000, return_tensors="pt")
    prompts = ["This is a high song.", "This is a low tone song."]
    texts = tokenizer(prompts, padding=True, return_tensors="pt")
    with torch.inference_mode():
        expected = network(
            input_features=features["input_features"].float(), input_ids=texts["input_ids"],
            attention_mask=texts["attention_mask"],
        ).logits_per_audio  # fmt: skip
        torch.testing.assert_close(model(audio), expected, rtol=1e-5, atol=1e-5)
        cosines = expected / network.logit_scale_a.exp()
        torch.testing.assert_close(model.probabilities(model(audio)), (1 + cosines) / 2)
    assert saved
    assert model.n_params == 0


def test_every_file_is_an_encoder_with_its_facts() -> None:
    assert set(BY_NAME) <= set(encoder_names())
    for name in encoder_names():
        cls = encoder_class(name)
        assert cls.identity == vars(cls)["identity"]
        assert cls.bibtex.startswith("@")
        assert cls.paper
        assert cls.title
