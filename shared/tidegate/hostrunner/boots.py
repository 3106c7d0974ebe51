"""What starts the runner on a host: short programs that first see to it that it is there."""

import base64
import json
import zlib
from collections.abc import Mapping
from typing import Final

# One line for any login shell: no single quote, no backslash, no exclamation mark, no newline.
# "~" stands for a newline and "^" for a double quote.
# Python 3.4 can still read it, to say that it is too old.
_OVER_A_CHANNEL: Final = (
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
    "def get():",
    " global b",
    " w(dict(t=^need^,what=^runner^))",
    " z=r[^size^]",
    " while len(b)<z:",
    "  c=os.read(0,1<<20)",
    "  if not c:os._exit(0)",
    "  b+=c",
    " t,b=b[:z],b[z:]",
    " return t",
)
_IN_A_COMMAND: Final = (
    "i=os.environ.get(^AWS_SSM_INSTANCE_ID^)or^^",
    "if not i and len(h[^ids^])==1:i=h[^ids^][0]",
    "h[^state_dir^]=h[^state_dirs^].get(i)",
    "def no(c,y):",
    " os.write(1,json.dumps(dict(refused=dict(code=c,why=y))).encode()+bytes([10]))",
    " os._exit(0)",
    "def get():",
    " try:",
    "  import urllib.request",
    "  with urllib.request.urlopen(r[^url^],None,10)as x:return x.read(1<<22)",
    " except Exception as e:",
    "  y=^This host cannot fetch the runner from S3 (%s). Let it reach S3 by HTTPS.^",
    "  no(^unfetched^,y%(getattr(e,^reason^,0)or e))",
)
_IN_EACH: Final = (
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
    " except FileNotFoundError:t=bytes()",
    " if not s(t).hexdigest()==k:",
    "  t=get()",
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
)

_SESSION: Final = (*_OVER_A_CHANNEL, *_IN_EACH, "m.session(h,d,b)")
_SLICE: Final = (*_IN_A_COMMAND, *_IN_EACH, "m.slices(h,d,i)")
BOOT: Final = 'exec("' + "~".join(_SESSION) + '".replace("~",chr(10)).replace("^",chr(34)))'
_VARIABLE: Final = "TIDEGATE_SLICE"
COMMAND: Final = f"exec python3 -I -S -E -c '{BOOT}'"


def slice_command(order: Mapping[str, object]) -> str:
    """Return a command that carries out one slice on each host that runs it.

    It is printable text without quotes inside, so that neither a shell nor the SSM Agent, which
    replaces what stands in double braces, finds anything in it. What it says travels in a variable:
    every local user may read the arguments of a process, and there is an address in it that opens
    what this host is told.
    """
    lines = "\n".join(_SLICE).replace("^", '"')
    text = json.dumps(order, separators=(",", ":"))
    source = f"import os,sys,json\nh=json.loads({text!r})\n{lines}"
    packed = base64.b64encode(zlib.compress(source.encode(), 9)).decode()
    return (
        f"{_VARIABLE}={packed};export {_VARIABLE};exec python3 -I -S -E -c "
        "'import os,zlib,binascii as b;"
        f'exec(zlib.decompress(b.a2b_base64(os.environ.pop("{_VARIABLE}"))))\''
    )
