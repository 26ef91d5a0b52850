"""What the publisher's lists of MTG-Jamendo hold: counts, digests and checksums.

Audio is found through other lists of the same repository, whose checksums are here too.
"""

from __future__ import annotations

from datamodules.download.remote_file import Remote
from datamodules.published_dataset import Expected

REPOSITORY = "https://github.com/MTG/mtg-jamendo-dataset"
_RAW = "https://raw.githubusercontent.com/MTG/mtg-jamendo-dataset/master/data/"
PARTS = {"train": "train", "validation": "valid", "test": "test"}
"""The publisher's name of each part, and ours."""
SUBSETS = {
    "all": "autotagging",
    "top50": "autotagging_top50tags",
    "genre": "autotagging_genre",
    "instrument": "autotagging_instrument",
    "moodtheme": "autotagging_moodtheme",
}
"""How the names of the lists of each subset begin."""

# (subset, split): what the three lists give, and the sha256 of each, train, validation, test.
_SPLITS: dict[tuple[str, int], tuple[Expected, str, str, str]] = {
    ("all", 0): (
        Expected(
            183, 32859, 11101, 11565, hours=3764,
            digest="dafcdc60ed0f18239df718c186e6f1da382a4a78a0226475d12894fedbfd9a40",
        ),
        "3b6766ee0a0aea01fa2c2c34769cb3873c0adc04378bba35912edad37077f42b",
        "b93639bc4f716148e7a41e35e9a1d73058a0b9e65c1cc723b66e9e72726072a7",
        "c80e43416e89afc0b2656848e9d4d6f076ca0426003d7e0148ac8cdc6254d366",
    ),
    ("all", 1): (
        Expected(
            183, 33007, 10937, 11581, hours=3764,
            digest="25819fd6cdb12489df40080d91d2333c8a01002c2ebb4ad005c32d48c7e87c61",
        ),
        "e19e8a51c5b3d0f7d24597543c48c31dfe3baf4cb97d75ea78702cd639284bb9",
        "3290b4dd99c9ffc7df64f77616a3550b42017b75ac4e799a88983dfb4703aa26",
        "a57b48368908e3f8e637972eca2bcb813bf42997af893b1d4e7e1d178d7caa3f",
    ),
    ("all", 2): (
        Expected(
            183, 32616, 12246, 10663, hours=3764,
            digest="3b466d33012f8581e0a28878415d7b69dba87551f4cacd8d2b4f75ac3dacc888",
        ),
        "256a88d3ad493a9e735e76fb3c7c073d1f456e8241e2e8827bcaac1ff8491f4c",
        "0ff159c5747f6934983b62dfc3169fd4dc9155851a85fb97af9074618662625f",
        "5bd5c156548b8818f63fee04b88ad1794ed8418c2e0d3010cf276cb09178767d",
    ),
    ("all", 3): (
        Expected(
            183, 33747, 10757, 11021, hours=3764,
            digest="2145a9c667a56cfeced353cd5bdb8d96f711e8097dc8b755dacfde48638b6148",
        ),
        "378f34286b1142838963e51abdbb1e2bff952d4807d5d65730f68a6d52cc9fab",
        "2f5ca935776ba7d5d2d9a4dff65ad8cb7a59c916014bb643586d44c00b5042f0",
        "fbc92edfd2a85ac5e50ac5500e0695ecab4852c60c947146dca2b41b5ad6bc84",
    ),
    ("all", 4): (
        Expected(
            183, 31509, 11893, 12123, hours=3764,
            digest="26e6e6d0a75345fd1e089883bbb952e6c65bc5dc7660a30857a50a7b305a7a5d",
        ),
        "fe982028c6b7dfd1d6fe1a0d40c855a0408f32918c930f63276ed25d75ffcaeb",
        "780b870c1b555ffcd89254420ee7646e87b15aad9e8fdb5986c748aab72d6529",
        "18f4315baf7d03ffc446bcf861293738cb555003e93aa6161137e77ef2c26535",
    ),
    ("top50", 0): (
        Expected(
            50, 32136, 10888, 11356, hours=3688,
            digest="673bf194dbee3fb8fadca7f1ccca69d250f71e8ae9b3924dec8d0569a180ed76",
        ),
        "6dee445ddd1901286184c2059d3d5eef7486f083ae80de9011705f852a850dde",
        "4f5f0f0a7662f523b45727476f67d799d6e98151b2c585a8e94e19d980ad93c1",
        "3ede06a35e6cb27e1dbe8cfc84708a607622e30e5cd0a7199fce6c081124bc35",
    ),
    ("top50", 1): (
        Expected(
            50, 32395, 10619, 11366, hours=3688,
            digest="03887225890ea89d4fd371c965e1bb7e96d37c83d85615f5db6fa383793237ad",
        ),
        "3bd4a130665e8115184aa8c7c26a765acaa63794736c056af366edc265cfc23f",
        "b5394db077986e3099963d1c56b10c471528e34bf1c079f26d59982cff679478",
        "a5e18db49729bd3dc63130a5b7fd3c550e22f6c86c5db794277dcf782c7e61d3",
    ),
    ("top50", 2): (
        Expected(
            50, 32010, 11961, 10409, hours=3688,
            digest="45ce50bfbf9d58687c4ad44753e0731fa6bc22dd566d35d392066a1de371b468",
        ),
        "bfdad32875b508863c8f5f3021cbdec58cab435d97343fde29c315aef4b40e19",
        "925e17ca6b579d676ff4f611c9db54990266ddc5a09736a680b317391032e870",
        "44f0d2c3ffe7f657b6453ed219b2cd21403cef39905084c37399721d259cff3e",
    ),
    ("top50", 3): (
        Expected(
            50, 33173, 10468, 10739, hours=3688,
            digest="b112d5242bae45ff02f20483b057404b8292f619c398cda0ddf6c548abfd73e7",
        ),
        "6be5a56a1823cc1fa8b12c908908a6595e9ee692fa0d805e667c0becb9de20d6",
        "ad1aec2bfc0f1c346a266a320bdb382242ec3701e91e183026e121cf901d94c9",
        "f18f37b4eb83828aae406176c52f00d26bffe03cf4875b3f2c45dd5d4fbb6ae7",
    ),
    ("top50", 4): (
        Expected(
            50, 30868, 11593, 11919, hours=3688,
            digest="d3c614563e7bedf482d7e27a7a2d1bb46c9d39a40237123730d8afc5a4a62ef6",
        ),
        "6db11dfda8c5d5c8b3a3758fb2a9fd588d7b354cafd4bbba7d6aab8644c68ad7",
        "a09b38e3d5dca348d28edfacd7c166e4b9d19ba6d90c0d94f996ee4820c4383f",
        "c523cf03c2fca914509ef11103047a026c99f14e7fdd3f4d36ee61b65484563f",
    ),
    ("genre", 0): (
        Expected(
            87, 32572, 11043, 11479, hours=3735,
            digest="0def71ee6458dbbd0bc0104d9f466956f6675025eade5bc929e729e00291df0b",
        ),
        "c1cddb195ef94a07e67e227bf38e2a79389c1820950702b8c8894a2096f21e54",
        "3e203b4c573db6ec63a06c7066cf678dcf673a68ad5694c8fed22637c270dbcf",
        "cf917388eebfa7d17d363c2fca037e2379ac027e31aa6dbe92e8dbf409ac5098",
    ),
    ("genre", 1): (
        Expected(
            87, 32746, 10833, 11515, hours=3735,
            digest="229725bf578e668a488c2bb8e9f7575a80f1e6bf0479aea687826b22a6bc05ce",
        ),
        "7fe00dcdb1e342f87d56c77cbde3b227f381f677682a20374a39ea28381019f3",
        "aedf2199ba338db33e1bacaa79030c43b76c3a455da5e5022a68c7a3f1d8b6dd",
        "bd550f0dea6842c7301cb9a68b71aa5900c1094a7ccccdff71cbd12280f9f415",
    ),
    ("genre", 2): (
        Expected(
            87, 32360, 12185, 10549, hours=3735,
            digest="c3bf74fc20b110aa8ac6972a4b764bf230096e838cc1afa40899c7ca318ad98f",
        ),
        "efa43e3a73f39f4f87e68cf7d889b86ec25145cfde3d6487400107c59a699025",
        "8e151e0fa4800f8744e2efc676918c2e397e6775939624d286e8a5aba99cbaf8",
        "9177b492ccd2d8076ffcf4622328fbc80cf59be9071355650a1c19cdb357765d",
    ),
    ("genre", 3): (
        Expected(
            87, 33515, 10656, 10923, hours=3735,
            digest="a39a0c5b17c995fca0a9c92ca25280299f322d21b715035ae5f178ffd628084e",
        ),
        "ffd1c5bcdc32335da970ba4fdee6e71df8c6fac0ac3892f89dec34bf795e6e9f",
        "4a935f4956ea6121865b83550a5ac76b10f88aff18533a8f138085772e5cdec9",
        "110dd6fca7160d2a8396bd5b62a609e2ec100302d0ba69d1cd31d495973fbf39",
    ),
    ("genre", 4): (
        Expected(
            87, 31305, 11804, 11985, hours=3735,
            digest="164e20e578feb63115386b74585cbad75593de9cda2c39546c3102fc3cc62f30",
        ),
        "e4ea2b56d0f66845c65aba40c43ff3d71724f8c9769c96b6bee512ae7c6311a1",
        "30ca5cb964b2538b65a626303763410f3ed392e866cb4c602d8ca41f94676bef",
        "7e736624157e32cbca41e68978b78e9eaac5222d9f428cc572fe00c28ec3a4b1",
    ),
    ("instrument", 0): (
        Expected(
            40, 14395, 5466, 5115, hours=1628,
            digest="2c6638b48166841843467885515135b72cf755d03a64cdc1d5df1fda9a348817",
        ),
        "f844a85f0b40bb31a5d5b448ddfc10a68d7b38ecc760673d23df2bd6e7ca0f4c",
        "a5060020013ac5ba65c6470ee83fc2a9785db1fe554b55065de08aa9b0cca70d",
        "8c1ab86f3212b6484106baf2e78f70dd5520b917607487ac98999adbd5d7ab1a",
    ),
    ("instrument", 1): (
        Expected(
            40, 14943, 4960, 5073, hours=1628,
            digest="2b7df86caec7cbd0b9ea29cef0631a7c99bfd775f2885cf3972140ba7e1fc5ad",
        ),
        "f5bfec3e615c0a58f8d3d10b120623c900ba5b6a778e7570dc0a21e76a96c58c",
        "58f604ff6bac7ece774e0b2d5a61b08361352c8b913a57a961c3ec309e467081",
        "d534a4862d2aa832a1a44710a9a66d387b8c7dcc4fa89f29a319db3951f171e7",
    ),
    ("instrument", 2): (
        Expected(
            40, 14702, 5066, 5208, hours=1628,
            digest="a59236a796e5976823fc3653d8eb1611823747aa778ebe781b09de2ec628a742",
        ),
        "bfab4e40ccaea643661c2cc00c94337acf6ca9a196f030b4c060d493dc28d6b8",
        "baff5a7b9256d7d471652af36d39e777c71ed1a7b352b7a91acea406b69dfc29",
        "6d156620287481bbc64ab35a8caabab7837d4767b4f4b110d289113a2c2fc240",
    ),
    ("instrument", 3): (
        Expected(
            40, 14875, 5068, 5033, hours=1628,
            digest="a03c8d2ec233c3b813826b12fb768ab2965d0a376dea4c92b3ed5549c80bbe23",
        ),
        "1f98b96506e7d6ab4d9e0623788fc170a096cf48055bfc218a6125bfe9bf1755",
        "91edb348e1ef5946fe6d0c019cf5dbc6a84d3b38f4686043a017a9634144a96f",
        "c6bf28a4172a7a020ec50ea0c5606956341f1951b43d6d80266abea3a036c09f",
    ),
    ("instrument", 4): (
        Expected(
            40, 14829, 5159, 4988, hours=1628,
            digest="8f864c4a98256c57eaf0188a7616f4a07deffcc52912a149d14536f763557b1e",
        ),
        "256d339d4244eb86d44cc060d8233e7178cb8e3e2758fed321727ce345d7b097",
        "47909d5530a96f2313f47523c235f740c866361b997c8b59df423f00462dc587",
        "dad344936e53391ad0016f484ac5c2bdd2d98a1bfa91102968b7c477f222910f",
    ),
    ("moodtheme", 0): (
        Expected(
            56, 9949, 3802, 4231, hours=1095,
            digest="7ceeb317b9a477a3cd4766ddbc915931020b760f5d874d5e0ac68f4eff488181",
        ),
        "e5e9e798364b34bd241b773e5011809b24429edf471f27cf21dd8181077ba2d4",
        "ecaa279367153476884d84d686479e566234cef1814bd6892a8755ba0a550dbf",
        "4341b5586bb3e5a80a882ce9ef33cb8b1bdaa7df856246ecc5de188dfe1cf394",
    ),
    ("moodtheme", 1): (
        Expected(
            56, 10190, 3594, 4198, hours=1095,
            digest="87753cfdf75c3c031688f70b819501e93413548484636b89fecf7a97a59b6652",
        ),
        "9468ad34941885a85d6c44de41091ce5d794286c2e576da2f84bae8a1285c39b",
        "46172bb1e223e0adffbecfb0764c2bffd2b5c039a513a0768c3f723a258b8f80",
        "19a1cc3d37faef2d9e952c6eaaf8bf34b825416553f237bc0e5855626ce0bb43",
    ),
    ("moodtheme", 2): (
        Expected(
            56, 10484, 4085, 3413, hours=1095,
            digest="aa354e0be199e2e94cb9c9ebcec253c3375aa20764ab0006c6bac63223729d9e",
        ),
        "41e689d69f6db29baaf137be504891c410babeec9c427818062e2dabb007b3f6",
        "ac1c80914eb8aa7667149bad0c0698486eafb379c88c75bfe92e4d0bd052b8b7",
        "546e17cb7d451855e85ddc07acfdebe2484042cb22641832f2605cc23f1e2925",
    ),
    ("moodtheme", 3): (
        Expected(
            56, 10920, 3500, 3562, hours=1095,
            digest="f83c66499dd7ae27d199849c954279fc818e74adb34ab66276bdcef51dc365e2",
        ),
        "8e6da99d9d2ce280e7760ce161ad82ef8b1314e4dd24d6293963240353d3b7bb",
        "aba5d92b96987f14c1542cf4657062a8236df7d4817fac25b08d8a34c5ecf8e8",
        "ea406baf33a2134ee25a4141ec6287029e52ab8e0f4bd34fc024df74e7cee4e4",
    ),
    ("moodtheme", 4): (
        Expected(
            56, 10241, 3706, 4035, hours=1095,
            digest="971181d4274a6e83af4f3655a73748f4e10dd3dfa6ef1c9fca6f856198bf9bbd",
        ),
        "3e81e6b3abde41b8f64b942c075876c03ee8952ca7a47f953602ae226dd5e3af",
        "b5969fd8a3b15d285337aec6b9fc96a95cb3fead214165eaeeac9940dc9335e3",
        "f7799ee74a7d4703b9de5f177f9897177a7accdb5f84e915eddd89c50ce965e9",
    ),
}  # fmt: skip

# Of download/<archives>_sha256_<what>.txt: tars, and the tracks in them. Empty where the list was
# not at hand to be hashed; the first that comes is kept, and proved by the tars, which are known.
_CHECKSUM_LISTS: dict[tuple[str, str], str] = {
    ("raw_30s_audio", "tars"): "e49803608329103a78f82697a86b8c96d0b16f9cd02ddb6f4efb0b5207bd721f",
    ("raw_30s_audio", "tracks"): "",
    ("raw_30s_audio-low", "tars"): (
        "9c28e6090fac7fae7274296622e8fc8b6e905672c18707ac02c8be716d4623c3"
    ),
    ("raw_30s_audio-low", "tracks"): "",
    ("autotagging_moodtheme_audio", "tars"): (
        "cab7bd1b599a000a296f4aab03fa0ce37422a18fa2820338ec39c7fb47eca8b0"
    ),
    ("autotagging_moodtheme_audio", "tracks"): (
        "c978880b055fd38e66a87c4de8cb0e473c96b262f5963d1c28db2912b78cd738"
    ),
    ("autotagging_moodtheme_audio-low", "tars"): (
        "4d88ed2e461bd58de90b50632075d110ef8fab72fc8e83c90c2ffc21f0c12cb1"
    ),
    ("autotagging_moodtheme_audio-low", "tracks"): (
        "5c5af02cdf5092ab5e86ff767a144ebec3815d71d834461795f73b128ffe4846"
    ),
}

# Bytes of all hundred archives. The README of the dataset says 508, 156, 152 and 46 GB and means
# GiB: its listings of single files, where there are any, add up to 545 and 163 GB.
AUDIO_BYTES = {
    "raw_30s_audio": 508 << 30,
    "raw_30s_audio-low": 156 << 30,
    "autotagging_moodtheme_audio": 152 << 30,
    "autotagging_moodtheme_audio-low": 46 << 30,
}


def _list(path: str, sha256: str) -> Remote:
    manual = f"It is data/{path} of {REPOSITORY}."
    checksum = f"sha256:{sha256}" if sha256 else ""
    return Remote(path, (_RAW + path,), checksum, kind="text", manual=manual)


EXPECTED: dict[tuple[str, int], Expected] = {
    variant: expected for variant, (expected, *_) in _SPLITS.items()
}
LISTS: dict[tuple[str, int], tuple[Remote, ...]] = {
    (subset, split): tuple(
        _list(f"splits/split-{split}/{SUBSETS[subset]}-{part}.tsv", sha256)
        for part, sha256 in zip(PARTS, checksums, strict=True)
    )
    for (subset, split), (_, *checksums) in _SPLITS.items()
}
CHECKSUM_LISTS: dict[tuple[str, str], Remote] = {
    (archives, what): _list(f"download/{archives}_sha256_{what}.txt", sha256)
    for (archives, what), sha256 in _CHECKSUM_LISTS.items()
}
