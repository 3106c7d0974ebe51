"""What a controller sends to a host: a command for its shell, and the runner that it asks for."""

import ast
import hashlib
from functools import cache
from pathlib import Path
from typing import Final

# One line for any login shell: no single quote, no backslash, no exclamation mark, no newline.
# "~" stands for a newline and "^" for a double quote.
# Python 3.4 can still read it, to say that it is too old.
_LINES: Final = (
    "import os,sys",
    "n=bytes([10])",
    "b=bytes()",
    "while n not in b:",
    " c=os.read(0,1<<20)",
    " if not c:os._exit(0)",
    " b+=c",
    "h,b=b.split(n,1)",
    "import json",
    "h=json.loads(h.decode())",
    "w=lambda d:os.write(1,json.dumps(d).encode()+n)",
    "def no(c,y):",
    " w(dict(t=^refused^,code=c,why=y))",
    " os._exit(0)",
    "os.write(1,n+h[^marker^].encode()+n)",
    "v=sys.version_info",
    "y=^python3 on this host is version %d.%d; Tidegate needs 3.6 or later there.^",
    "if v<(3,6):no(^python_too_old^,y%v[:2])",
    "d=os.geteuid()and chr(126)+^/.local/state/tidegate^or^/var/lib/tidegate^",
    "d=h.get(^state_dir^)or d",
    "d=os.path.abspath(os.path.expanduser(d))",
    "q=os.path.join(d,^runner^)",
    "r=h[^runner^]",
    "k=r[^sha256^]",
    "f=os.path.join(q,k+^.py^)",
    "for m in(^_sha256^,^_sha2^,^hashlib^):",
    " try:",
    "  s=__import__(m).sha256",
    "  break",
    " except ImportError:pass",
    "def ok(p):",
    " s=os.stat(p)",
    " if s.st_mode&18 or not{s.st_uid,os.lstat(p).st_uid}<={0,os.geteuid()}:",
    "  y=^%s on this host can be changed by others, who could run what they like. ^%p",
    "  z=^Make it a folder of this user or root to which nobody else may write, ^",
    "  no(^state_dir^,y+z+^or set another state_dir.^)",
    "os.umask(63)",
    "try:",
    " os.makedirs(q,448,True)",
    " ok(d)",
    " ok(q)",
    " try:",
    "  with open(f,^rb^)as x:t=x.read()",
    " except FileNotFoundError:t=b",
    " if not s(t).hexdigest()==k:",
    "  w(dict(t=^need^,what=^runner^))",
    "  z=r[^size^]",
    "  while len(b)<z:",
    "   c=os.read(0,1<<20)",
    "   if not c:os._exit(0)",
    "   b+=c",
    "  t,b=b[:z],b[z:]",
    "  if not s(t).hexdigest()==k:no(^protocol^,^The runner arrived damaged; try again.^)",
    "  g=^%s.%d^%(f,os.getpid())",
    "  with open(g,^wb^)as x:x.write(t)",
    "  os.replace(g,f)",
    " ok(f)",
    " sys.path.insert(0,q)",
    " m=__import__(k)",
    "except OSError as e:",
    " y=^The state folder %s on this host cannot be used (%s). ^%(d,e.strerror)",
    " no(^state_dir^,y+^Make it writable for this user, or set another state_dir.^)",
    "sys.path.pop(0)",
    "m.session(h,d,b)",
)

BOOT: Final = 'exec("' + "~".join(_LINES) + '".replace("~",chr(10)).replace("^",chr(34)))'
COMMAND: Final = f"exec python3 -I -S -E -c '{BOOT}'"


_PARTS: Final = (
    "base",
    "journal",
    "logs",
    "leftovers",
    "scripts",
    "unpacking",
    "untar",
    "unzip",
    "archives",
    "places",
    "needs",
    "previous",
    "permissions",
    "plan",
    "undo",
    "changes",
    "install",
    "turns",
    "revisions",
    "pruning",
    "events",
    "following",
    "session",
)
"""Each may use what stands before it."""


@cache
def runner_source() -> bytes:
    """Return the runner's text, as it travels to hosts: its parts, one after the other."""
    folder = Path(__file__).parent / "parts"
    return "\n\n".join(_bare((folder / f"{name}.py").read_text()) for name in _PARTS).encode()


def _bare(part: str) -> str:
    """Return a part without what only binds it to the others here, where they are modules."""
    lines = part.splitlines()
    for node in ast.parse(part).body:
        ours = isinstance(node, ast.ImportFrom) and (node.module or "").startswith(__name__)
        for_mypy = "TYPE_CHECKING" in lines[node.lineno - 1]
        if ours or for_mypy:
            end = node.end_lineno or node.lineno
            lines[node.lineno - 1 : end] = [""] * (end - node.lineno + 1)
    return "\n".join(line for line in lines if line)


RUNNER_SHA256: Final = hashlib.sha256(runner_source()).hexdigest()
