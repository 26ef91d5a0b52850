"""Where the lists of the Million Song Dataset are published, all of them in GitHub repositories.

Checksums are those of files that have been seen; the others are recorded when they first come.
"""

from __future__ import annotations

from datamodules.corpus.corpus import SPLITS
from datamodules.download.remote_file import Remote

_RAW = "https://raw.githubusercontent.com"
_CHOI = "keunwoochoi/MSD_split_for_tagging"
_MUSICNN = "jordipons/musicnn-training"
_LEE = "jongpillee/music_dataset_split"
_WON = "minzwon/sota-music-tagging-models"
_CALS = "minzwon/semi-supervised-music-tagging-transformer"
_COMMITS = {
    _CHOI: "f5690f26323819324cb3d54fb9ea15885d50c818",
    _MUSICNN: "fa500a8fac2de8a9314dadcdbf4f61f7876cd2ab",
    _WON: "ffd9c4694a0f493ffd9a8ddf1302622c5f445358",
    _CALS: "27d34b7e36cd856682152d3fb65f149dcfba7ea1",
}


def _remote(
    name: str, *places: tuple[str, str], sha256: str = "", size: int | None = None, kind: str = ""
) -> Remote:
    """Describe a file in GitHub repositories, at a fixed commit before the newest."""
    urls = []
    for repository, path in places:
        commits = (_COMMITS[repository], "HEAD") if repository in _COMMITS else ("HEAD",)
        urls += [f"{_RAW}/{repository}/{commit}/{path}" for commit in commits]
    manual = f"It is {places[0][1]} of https://github.com/{places[0][0]}."
    checksum = f"sha256:{sha256}" if sha256 else ""
    return Remote(name, tuple(urls), checksum, size, kind, manual)


def _choi(file: str, sha256: str, size: int | None) -> Remote:
    kind = "npy" if file.endswith(".npy") else "text"
    return _remote(f"choi/{file}", (_CHOI, file), sha256=sha256, size=size, kind=kind)


def _musicnn(file: str, sha256: str = "", size: int | None = None) -> Remote:
    place = (_MUSICNN, f"data/index/msd/{file}")
    return _remote(f"musicnn/{file}", place, sha256=sha256, size=size, kind="text")


def _lee(file: str, sha256: str = "", size: int | None = None) -> Remote:
    places = ((_LEE, f"MSD_split/{file}"), (_WON, f"split/msd/{file}"))
    return _remote(f"lee/{file}", *places, sha256=sha256, size=size)


def _cals(file: str) -> Remote:
    return _remote(f"cals/{file}", (_CALS, f"data/splits/{file}"), kind="npy")


CHOI_IDS = {
    "train": _choi(
        "train_x_msd_id.txt",
        "06399a08026b0ee9dd9b3e0cb06fc247abf869d84ffcf7400a110a21f1cd98ae", 3_831_920,
    ),
    "valid": _choi(
        "valid_x_msd_id.txt",
        "2b19a3327ba8d380aeda263b837a999f0fd39457ffd707923be9cb96226ad43a", 240_046,
    ),
    "test": _choi(
        "test_x_msd_id.txt",
        "38fb65450e2e25227f35103c1c30657b97f07a77bfdcb21425c9a75824710437", 542_260,
    ),
}  # fmt: skip
CHOI_CLIPS = {
    "train": _choi(
        "train_x_7d_id.txt",
        "3a9f4eafb10e0a5d620b0b8571e236369206ebb600f1eb74d49428452f6b3348", 1_566_750,
    ),
    "valid": _choi(
        "valid_x_7d_id.txt",
        "1563a3699c22bb5428c9d6f5b935daa582d34ce5fc97ac2d33d85bc2abe2a1d8", 98_200,
    ),
    "test": _choi(
        "test_x_7d_id.txt",
        "4edda90494b137120d77501ca6a66175f794b5f6fff52abe27aac775f34d0fa6", 222_396,
    ),
}  # fmt: skip
CHOI_LABELS = {
    "train": _choi("train_y.npy", "", None),
    "valid": _choi(
        "valid_y.npy",
        "5ef6a55171b07e01509acfbdb1736b12ae5e60af3327360ccd0efd67579a7cad", 631_780,
    ),
    "test": _choi(
        "test_y.npy",
        "974c8d9db55b87ed942b5d5e2d36b5cc76b023da46a3f42aa831825612b68b32", 1_427_080,
    ),
}  # fmt: skip
MUSICNN_TABLES = {
    "train": _musicnn("train_gt_msd.tsv"),
    "valid": _musicnn(
        "val_gt_msd.tsv",
        "5647a1a2d9716134cf05efad48663fc4417b977552b9781d1cada289a711913b", 2_001_580,
    ),
    "test": _musicnn("test_gt_msd.tsv"),
}  # fmt: skip
LEE_TRAIN = _lee("filtered_list_train.cP")
LEE_TEST = _lee(
    "filtered_list_test.cP",
    "084441297cdd59c944d104e940d864588e61458eaf8e7c1bf008cc9236e2a99a", 841_954,
)  # fmt: skip
LEE_LABELS = _lee("msd_id_to_tag_vector.cP")
LEE_CLIPS = _lee("MSD_id_to_7D_id.pkl")
CALS_IDS = {s: _cals(f"{s}_ids.npy") for s in SPLITS}
CALS_LABELS = {s: _cals(f"{s}_binaries.npy") for s in SPLITS}
