"""What a slice prints, read; nothing of it is trusted."""

import base64
import binascii
import json
import zlib
from dataclasses import dataclass
from typing import Final

from tidegate.drivers.hosts.lines import ProtocolBroken, Refused

_BEGINS: Final = '{"done":'
_REFUSES: Final = '{"refused":'
SMALL: Final = 2_400
"""What the list of a command's invocations has room for: it gives 2,500 characters."""
LARGE: Final = 23_900
"""What the SSM Agent keeps of an output: it cuts at 24,000 bytes."""
BY_S3: Final = 4_000_000
"""What one slice prints where its output is put into a bucket."""
ROOM_FOR_SUMMARY: Final = 120


@dataclass(frozen=True, slots=True)
class Output:
    """What one slice has to say."""

    data: bytes = b""
    done: bool = False
    """Whether the errand is over, as its lines say."""
    refused: Refused | None = None


def is_whole(text: str) -> bool:
    """Tell whether *text* is all that a slice printed, or has nothing of a slice in it."""
    head, _, rest = _from_summary(text).partition("\n")
    try:
        size = json.loads(head).get("size", 0)
    except (ValueError, AttributeError):
        # A summary that is cut itself; without one, more of it would tell nothing.
        return not head.startswith(("{",)) and bool(text)
    return not isinstance(size, int) or len(rest.partition("\n")[0]) >= size


def read_output(text: str, *, most: int) -> Output | None:
    """Return what a slice says, whose lines have at most so many bytes; None where none ran.

    Raises:
        ProtocolBroken: The runner never prints that.
    """
    head, _, rest = _from_summary(text).partition("\n")
    if not head.startswith((_BEGINS, _REFUSES)):
        return None
    try:
        said = json.loads(head)
        if "refused" in said:
            why = said["refused"]
            return Output(refused=Refused(str(why["why"])[:2000], str(why["code"])[:40]))
        size, done = said["size"], said["done"]
        packed = base64.b64decode(rest[:size], validate=True)
    except (ValueError, LookupError, TypeError, RecursionError, binascii.Error):
        raise ProtocolBroken("its slice cannot be read") from None
    if not isinstance(done, bool) or len(rest) < size:
        raise ProtocolBroken("its slice was cut")
    unpacker = zlib.decompressobj()
    try:
        data = unpacker.decompress(packed, most)
    except zlib.error:
        raise ProtocolBroken("its slice cannot be unpacked") from None
    if unpacker.unconsumed_tail:
        raise ProtocolBroken("it sent more than the log limits of the run allow")
    return Output(data, done)


def _from_summary(text: str) -> str:
    """Leave out what a shell printed before the runner did."""
    for begin in (_BEGINS, _REFUSES):
        before, found, after = text.partition(begin)
        if found and (not before or before.endswith("\n")):
            return found + after
    return text
