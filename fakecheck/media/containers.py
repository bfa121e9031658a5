"""What a file is by its first bytes, and whether a video's container was cut off."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from fakecheck.errors import MediaError
from fakecheck.types import MediaKind

# A file holds some dozen boxes at its top; a fragmented film one or two a second.
MAX_BOXES = 100_000
# Bytes of a packet of a transport stream, and of one with a time stamp before it (Blu-ray, AVCHD).
TS_PACKET, M2TS_PACKET = 188, 192
# Names of objects in ASF, the container of WMV (Advanced Systems Format specification, 10.1, 10.2).
ASF_HEADER = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
ASF_FILE_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
ASF_HEAD, ASF_BROADCAST = 65_536, 1
# Bytes from which the last page of an Ogg file, at most 65 kB, cannot be missing.
OGG_TAIL = 70_000
MP4_BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})

# Brands of still pictures in an MP4 container, as phones take them (ISO/IEC 23008-12). The general
# ones leave it to the brands after them whether the pixels are HEVC's or AV1's.
AVIF_BRANDS = frozenset({b"avif", b"avis"})
HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1"})


@dataclass(frozen=True)
class Sniffed:
    """Kind of media; `name` is Pillow's format of a picture or libavformat's demuxer of a video."""

    media: MediaKind
    name: str


def sniff(path: Path, head: bytes) -> Sniffed:
    """What `path` is, judged by its first bytes `head`. Raises MediaError if it is no known media.

    Naming the demuxer ourselves keeps libavformat from taking a text file for a playlist and
    opening other files or addresses that it names.
    """
    for media, name, matches in (
        ("image", "JPEG", head.startswith(b"\xff\xd8\xff")),
        ("image", "PNG", head.startswith(b"\x89PNG\r\n\x1a\n")),
        ("image", "WEBP", head.startswith(b"RIFF") and head[8:12] == b"WEBP"),
        ("image", "TIFF", head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")),
        ("image", "BMP", _is_bmp(head)),
        ("image", "AVIF", _still(head) == "AVIF"),
        ("image", "HEIF", _still(head) == "HEIF"),
        ("video", "gif", head.startswith((b"GIF87a", b"GIF89a"))),
        ("video", "mov", head[4:8] in MP4_BOXES),
        ("video", "matroska", head.startswith(b"\x1a\x45\xdf\xa3")),
        ("video", "avi", head.startswith(b"RIFF") and head[8:12] in (b"AVI ", b"AVIX")),
        ("video", "mpeg", head.startswith(b"\0\0\1\xba")),
        ("video", "mpegvideo", head.startswith(b"\0\0\1\xb3")),
        ("video", "mpegts", _is_transport_stream(head)),
        ("video", "asf", head.startswith(ASF_HEADER)),
        ("video", "flv", head.startswith(b"FLV\1")),
        ("video", "ogg", head.startswith(b"OggS")),
    ):
        if matches:
            return Sniffed("image" if media == "image" else "video", name)
    raise MediaError(f"{path}: is neither a picture nor a video that fakecheck can read")


def _still(head: bytes) -> str:
    """Pillow's name of the still picture in an MP4 container, empty where it holds none."""
    if head[4:8] != b"ftyp" or head[8:12] not in AVIF_BRANDS | HEIF_BRANDS:
        return ""
    rest = head[16 : struct.unpack_from(">I", head)[0]]
    brands = {head[8:12], *(rest[at : at + 4] for at in range(0, len(rest), 4))}
    return "AVIF" if brands & AVIF_BRANDS else "HEIF"


def _is_bmp(head: bytes) -> bool:
    """BM alone starts many a text: the size of the header that follows is one of a few, too."""
    if not head.startswith(b"BM") or len(head) < 18:
        return False
    return struct.unpack_from("<I", head, 14)[0] in (12, 16, 40, 52, 56, 64, 108, 124)


def _is_transport_stream(head: bytes) -> bool:
    plain = head[: 4 * TS_PACKET : TS_PACKET]
    stamped = head[4 : 4 * M2TS_PACKET : M2TS_PACKET]
    return any(len(starts) >= 3 and set(starts) == {0x47} for starts in (plain, stamped))


def is_cut_off(path: Path, demuxer: str) -> bool:
    """Whether a part that the container announces reaches past the end of the file.

    libavformat ends such a clip as if nothing were missing. Known for MP4 and MOV (boxes), Matroska
    and WebM (segment), AVI (RIFF chunk), WMV (its size), Ogg (flag of the last page) and GIF (its
    last byte); MPEG streams and FLV announce nothing.
    """
    size = path.stat().st_size
    with path.open("rb") as stream:
        if demuxer == "mov":
            return _boxes_end(stream, size) > size
        if demuxer == "matroska":
            return _segment_end(stream, size) > size
        if demuxer == "gif":
            return not _gif_ends(stream.read())
        if demuxer == "avi":
            length = stream.read(8)[4:]
            return len(length) == 4 and struct.unpack("<I", length)[0] + 8 > size
        if demuxer == "asf":
            return _asf_size(stream.read(ASF_HEAD)) > size
        if demuxer == "ogg":
            stream.seek(max(0, size - OGG_TAIL))
            return not _ogg_ends(stream.read())
    return False


def _gif_ends(data: bytes) -> bool:
    """Whether the blocks of a GIF lead to its trailer (GIF89a specification, 17 to 27)."""
    position = 13 + _colors(data[10:11])
    while data[position : position + 1] in (b"!", b","):
        if data[position : position + 1] == b"!":
            position += 2
        else:
            position += 11 + _colors(data[position + 9 : position + 10])
        while position < len(data) and data[position]:
            position += data[position] + 1
        position += 1
    return data[position : position + 1] == b";"


def _colors(flags: bytes) -> int:
    """Bytes of the table of colours that a GIF's flags announce."""
    return 3 * 2 ** (flags[0] % 8 + 1) if flags and flags[0] & 0x80 else 0


def _asf_size(head: bytes) -> int:
    """Bytes that a WMV file says it has, 0 where it does not say (10.2 and 3.2 there)."""
    place = head.find(ASF_FILE_PROPERTIES)
    if place < 0 or len(head) < place + 92:
        return 0
    size, flags = struct.unpack_from("<40xQ40xI", head, place)
    return 0 if flags & ASF_BROADCAST else int(size)


def _ogg_ends(tail: bytes) -> bool:
    """Whether the last page is marked as the end of a stream and all there (RFC 3533, 6)."""
    place = tail.rfind(b"OggS")
    if place < 0 or len(tail) < place + 27 or not tail[place + 5] & 4:
        return False
    segments = tail[place + 27 : place + 27 + tail[place + 26]]
    return len(tail) >= place + 27 + tail[place + 26] + sum(segments)


def _boxes_end(stream: BinaryIO, size: int) -> int:
    """Where the last box at the top of an MP4 file ends (ISO/IEC 14496-12, 4.2), in bytes."""
    position = 0
    for _ in range(MAX_BOXES):
        if position + 8 > size:
            break
        stream.seek(position)
        header = stream.read(16)
        length = int(struct.unpack_from(">I", header)[0])
        if length == 1 and len(header) == 16:
            length = int(struct.unpack_from(">Q", header, 8)[0])
        if length < 8:  # 0: up to the end of the file
            break
        position += length
    return position


def _segment_end(stream: BinaryIO, size: int) -> int:
    """Where the segment of a Matroska file says that it ends (RFC 8794, RFC 9559), 0 if unknown."""
    position = 0
    for _ in range(8):
        if position >= size:
            break
        stream.seek(position)
        header = stream.read(12)
        identifier, id_length = _vint(header, keep_marker=True)
        length, length_length = _vint(header[id_length:], keep_marker=False)
        if identifier is None or length is None:
            return 0
        position += id_length + length_length + length
        if identifier == 0x18538067:
            return position
    return 0


def _vint(data: bytes, keep_marker: bool) -> tuple[int | None, int]:
    """A number of variable length and its length in bytes; None for the reserved "unknown"."""
    if not data or not data[0]:
        return None, 0
    length = 9 - data[0].bit_length()
    if len(data) < length:
        return None, 0
    value = int.from_bytes(data[:length], "big")
    if keep_marker:
        return value, length
    bits = value & ((1 << (7 * length)) - 1)
    return (None if bits == (1 << (7 * length)) - 1 else bits), length
