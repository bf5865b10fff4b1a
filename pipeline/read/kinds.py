"""Kinds of files that are no logs, by their first bytes."""

from pipeline.errors import ObjectRefused

HEAD = 512
"""Bytes that tell a kind."""

_UNPACK = "unpack it, and deliver the files in it as plain text or gzip"
_EXPORT = "export it as Parquet, JSON lines or lines with a header"
_KINDS = (
    (0, b"PK\x03\x04", "a ZIP archive", _UNPACK),
    (0, b"PK\x05\x06", "an empty ZIP archive", _UNPACK),
    (257, b"ustar", "a tar archive", _UNPACK),
    (0, b"BZh", "compressed with bzip2", _UNPACK),
    (0, b"\xfd7zXZ\0", "compressed with xz", _UNPACK),
    (0, b"\x28\xb5\x2f\xfd", "compressed with zstd", _UNPACK),
    (0, b"\x04\x22\x4d\x18", "compressed with LZ4", _UNPACK),
    (0, b"\x1f\x9d", "compressed with compress", _UNPACK),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK),
    (0, b"Rar!", "a RAR archive", _UNPACK),
    (0, b"\xff\x06\0\0sNaPpY", "compressed with Snappy", _UNPACK),
    (0, b"ORC", "an ORC file", _EXPORT),
    (0, b"Obj\x01", "an Avro file", _EXPORT),
    (0, b"ARROW1", "an Arrow file", _EXPORT),
    (0, b"SQLite format 3\0", "a SQLite database", _EXPORT),
    (0, b"\x89PNG", "a PNG picture", "deliver the log itself"),
    (0, b"\xff\xd8\xff", "a JPEG picture", "deliver the log itself"),
    (0, b"GIF8", "a GIF picture", "deliver the log itself"),
    (0, b"\x7fELF", "a program", "deliver the log itself"),
    (0, b"%PDF", "a PDF document", "deliver the log itself"),
    (0, b"<", "a page of HTML or XML", "deliver the log itself"),
    (0, b"LZIP", "compressed with lzip", _UNPACK),
    (0, b"\x89LZO", "compressed with lzop", _UNPACK),
    (0, b"\x5d\0\0", "compressed with LZMA", _UNPACK),
    (0, b"070701", "a cpio archive", _UNPACK),
    (0, b"!<arch>", "an ar archive", _UNPACK),
    (0, b"\xd0\xcf\x11\xe0", "a document of an office program", _EXPORT),
    (0, b"\xff\xfe\0\0", "text in UTF-32", "save it as UTF-8"),
    (0, b"\0\0\xfe\xff", "text in UTF-32", "save it as UTF-8"),
    (0, b"\xff\xfe", "text in UTF-16", "save it as UTF-8"),
    (0, b"\xfe\xff", "text in UTF-16", "save it as UTF-8"),
)


def refuse_other_kinds(head: bytes) -> None:
    """Raise ObjectRefused if an object with these first bytes is a known kind, and no log."""
    for place, magic, kind, remedy in _KINDS:
        if head.startswith(magic, place):
            raise ObjectRefused(f"is {kind}, not a log: {remedy}")
    if _is_zlib(head):
        raise ObjectRefused(f"is compressed with zlib, not a log: {_UNPACK}, which has a header")
    if wide := _wide(head):
        raise ObjectRefused(f"is text in {wide}, not a log: save it as UTF-8")


def _is_zlib(head: bytes) -> bool:
    """Whether an object begins as a stream of zlib (RFC 1950), with bytes that are no text."""
    is_header = len(head) > 2 and head[0] == 0x78 and (256 * head[0] + head[1]) % 31 == 0
    return is_header and not head[1:64].isascii()


def _wide(head: bytes) -> str:
    """The encoding of text without a mark whose characters are mostly ASCII; "" for UTF-8."""
    text = head[: len(head) // 4 * 4]
    zeros = [text[place::4].count(0) * 5 >= len(text) for place in range(4)]  # four of five
    if sum(zeros) == 3:
        return "UTF-32"
    return "UTF-16" if zeros in ([True, False] * 2, [False, True] * 2) else ""
