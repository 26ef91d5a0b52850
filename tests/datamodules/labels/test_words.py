"""Word vectors of tags: formats, spellings, damage, and a sentence encoder."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from datamodules.common.errors import TagbenchError
from datamodules.labels.words.sentence_encoder import SentenceEncoder
from datamodules.labels.words.source import open_words
from datamodules.labels.words.vector_files import VectorFile

WORDS = {
    "rock": [1.0, 0.0, 0.5],
    "hip": [0.0, 1.0, 0.0],
    "hop": [0.0, 0.0, 1.0],
    "Opera": [2.0, 2.0, 2.0],
    "new_age": [3.0, 3.0, 3.0],
    "new": [9.0, 9.0, 9.0],
    "age": [7.0, 7.0, 7.0],
    "female": [1.0, 3.0, 1.0],
}
TAGS = ("genre---rock", "hip-hop", "Opera", "new age")
VECTORS = [[1.0, 0.0, 0.5], [0.0, 0.5, 0.5], [2.0, 2.0, 2.0], [3.0, 3.0, 3.0]]


def text(header: bool) -> bytes:
    lines = [f"{word} {' '.join(map(str, values))}" for word, values in WORDS.items()]
    return "\n".join([f"{len(WORDS)} 3"] * header + lines + [""]).encode()


def binary(end: bytes = b"\n") -> bytes:
    entries = [
        word.encode() + b" " + np.array(v, "<f4").tobytes() + end for word, v in WORDS.items()
    ]
    return f"{len(WORDS)} 3\n".encode() + b"".join(entries)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("word2vec.txt", text(header=True)),
        ("glove.txt", text(header=False)),
        ("words.bin", binary()),
        ("words.bin.gz", gzip.compress(binary(end=b""), mtime=0)),
        ("glove.txt.gz", gzip.compress(text(header=False), mtime=0)),
    ],
)
def test_every_format_gives_the_vectors_of_tags(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    source = open_words(str(path))
    np.testing.assert_array_equal(source.vectors(TAGS), np.array(VECTORS, np.float32))
    before = source.identity()
    path.write_bytes(content + b"\n")
    assert source.identity() != before


def test_tags_without_a_vector_are_listed(tmp_path: Path) -> None:
    (tmp_path / "glove.txt").write_bytes(text(header=False))
    with pytest.raises(TagbenchError, match="no vector for 2 of 3 tags: jazz, female voice"):
        VectorFile(tmp_path / "glove.txt").vectors(("jazz", "rock", "female voice"))


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.bin", binary()[:-20], "entry 8: the file ends; expected 8 words"),
        ("a.bin", b"\x00" * 64, "entry 1: expected the number of words"),
        ("a.bin", b"2 3\n" + b"x" * 9000, "entry 1: expected a word and a space"),
        ("a.txt", text(header=True).replace(b"rock 1.0 ", b"rock "), "entry 2: expected a word"),
        ("a.txt", text(header=True).replace(b"rock 1.0", b"rock one"), "entry 2: expected numbers"),
        ("a.txt", text(header=True).replace(b"rock 1.0", b"rock nan"), "'rock' is not finite"),
        ("a.txt", b"", "the file is empty"),
        (
            "a.txt.gz",
            gzip.compress(text(header=True), mtime=0)[:-12],
            "Cannot read the word vectors",
        ),
    ],
)
def test_damage_is_reported(tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(TagbenchError, match=reason):
        VectorFile(tmp_path / name).vectors(TAGS)


def test_sentence_encoder_averages_the_tokens_of_a_tag(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    tokenizers = pytest.importorskip("tokenizers")
    from safetensors.torch import save_file

    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = {"vocab_size": 5, "intermediate_size": 16, "max_position_embeddings": 16, **sizes}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = transformers.BertModel(transformers.BertConfig(**config), add_pooling_layer=False)
    save_file(model.state_dict(), tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    vocabulary = {"[UNK]": 0, "soft": 1, "rock": 2}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    source = open_words(str(tmp_path))
    vectors = source.vectors(("soft rock", "mood---soft"))
    with torch.inference_mode():
        hidden = model.eval()(input_ids=torch.tensor([[1, 2]])).last_hidden_state[0].mean(0)
    np.testing.assert_allclose(vectors[0], hidden / hidden.norm(), atol=1e-6)
    np.testing.assert_array_equal(vectors[1:], source.vectors(("soft",)))
    save_file({"other": torch.ones(1)}, tmp_path / "model.safetensors")
    with pytest.raises(TagbenchError, match="does not fit config"):
        SentenceEncoder(tmp_path).vectors(("soft",))
