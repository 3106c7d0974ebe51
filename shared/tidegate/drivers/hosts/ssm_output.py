"""What a slice prints, read; nothing of it is trusted."""

import base64
import binascii
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from tidegate.drivers.hosts.lines import ProtocolBroken, Refused

_BEGINS: Final = '{"done":'
_REFUSES: Final = '{"refused":'
SMALL: Final = 2_400
"""What the list of a command's invocations has room for: it gives 2,500 characters."""
LARGE: Final = 23_900
"""What the SSM Agent keeps of an output: it cuts at 24,000 bytes."""
BY_S3: Final = 1_000_000
"""What one slice prints where its output is put into a bucket; fifty of them are in one command."""
_PIECE: Final = 1 << 20
ROOM_FOR_SUMMARY: Final = 120


@dataclass(frozen=True, slots=True)
class Output:
    """What one slice has to say."""

    packed: bytes = b""
    done: bool = False
    """Whether the errand is over, as its lines say."""
    refused: Refused | None = None

    def pieces(self, most: int) -> Iterator[bytes]:
        """Yield what is packed bit by bit, as a little that is packed may swell to very much.

        Raises:
            ProtocolBroken: It cannot be unpacked, or has more than *most* bytes.
        """
        unpacker, packed = zlib.decompressobj(), self.packed
        while True:
            try:
                piece = unpacker.decompress(packed, _PIECE)
            except zlib.error:
                raise ProtocolBroken("its slice cannot be unpacked") from None
            if not piece:
                return
            most -= len(piece)
            if most < 0:
                raise ProtocolBroken("it sent more than the log limits of the run allow")
            yield piece
            packed = unpacker.unconsumed_tail


def is_whole(text: str) -> bool:
    """Tell whether *text* is all that a slice printed, or has nothing of a slice in it."""
    head, _, rest = _from_summary(text).partition("\n")
    try:
        size = json.loads(head).get("size", 0)
    except (ValueError, AttributeError, RecursionError):
        # A summary that is cut itself; without one, more of it would tell nothing.
        return not head.startswith(("{",)) and bool(text)
    return not isinstance(size, int) or len(rest.partition("\n")[0]) >= size


def read_output(text: str) -> Output | None:
    """Return what a slice says; None where none ran.

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
    return Output(packed, done)


def _from_summary(text: str) -> str:
    """Leave out what a shell printed before the runner did."""
    for begin in (_BEGINS, _REFUSES):
        before, found, after = text.partition(begin)
        if found and (not before or before.endswith("\n")):
            return found + after
    return text
