"""What a host fetches from S3 itself: by an address that lets it in, or by its own credentials."""

import json
import os
import time

from tidegate.hostrunner.parts.base import Refused, read_file, sha256

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

PATIENCE = 10
"""Seconds for each answer, and for each piece of a file."""
AT_A_TIME = 1 << 18
METADATA = "http://169.254.169.254"
UNFETCHED = "unfetched"
"""The code of a refusal that may pass: S3 did not give what was asked for."""


def download(source: "dict[str, Any]", what: str) -> "Iterator[bytes]":
    """Yield the bytes that lie at *source*: its `url`, or its `bucket`, `key` and `region`.

    Raises:
        Refused: S3 does not give them; the sentence never holds the address.
    """
    import http.client
    import urllib.error
    import urllib.request

    try:
        request = urllib.request.Request(*target_of(source))
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            while True:
                piece = answer.read(AT_A_TIME)
                if not piece:
                    return
                yield piece
    except urllib.error.HTTPError as error:
        raise Refused(refusal(error, what, source), UNFETCHED) from None
    except (OSError, ValueError, http.client.HTTPException) as error:
        why = getattr(error, "reason", None) or error
        raise Refused(
            "This host cannot fetch %s from S3 (%s). Let it reach S3 by HTTPS." % (what, why),
            UNFETCHED,
        ) from None


def refusal(error: "Any", what: str, source: "dict[str, Any]") -> str:
    """Return the sentence for an answer of S3 that is none; its body has the reason as XML."""
    said = error.read(2000).decode("utf-8", "replace")
    code = said.partition("<Code>")[2].partition("</Code>")[0][:60] or error.reason
    if "url" in source:
        remedy = "Check the host's clock, and that it may reach this bucket."
    else:
        remedy = "Give its instance profile s3:GetObject for %s/%s." % (
            source["bucket"],
            source["key"],
        )
    return "S3 answered %s %s when this host fetched %s. %s" % (error.code, code, what, remedy)


def fetched(source: "dict[str, Any]", what: str, most: int) -> bytes:
    """Return what lies at *source*, whose `sha256` is known.

    Raises:
        Refused: It cannot be fetched, has more than *most* bytes, or is another.
    """
    data = b""
    for piece in download(source, what):
        data += piece
        if len(data) > most:
            raise Refused("%s has more than %d bytes." % (what.capitalize(), most), "protocol")
    if sha256(data).hexdigest() != source["sha256"]:
        raise Refused("%s arrived damaged; try again." % what.capitalize(), UNFETCHED)
    return data


def target_of(source: "dict[str, Any]") -> "tuple[str, None, dict[str, str]]":
    if "url" in source:
        return source["url"], None, {}
    url, host, path = place_of(source)
    return url, None, signed(host, path, source["region"], credentials(), time.time())


def place_of(source: "dict[str, Any]") -> "tuple[str, str, str]":
    """Return the address of an object, its host and its path."""
    from urllib.parse import quote, urlsplit

    endpoint = source.get("endpoint")
    path = "/" + quote(source["key"], safe="/-_.~")
    if endpoint or "." in source["bucket"]:  # no certificate is for a name with more dots
        path = "/" + quote(source["bucket"], safe="") + path
    if endpoint:
        parts = urlsplit(endpoint)
        return "%s://%s%s" % (parts.scheme, parts.netloc, path), parts.netloc, path
    host = "s3.%s.amazonaws.com" % source["region"]
    if "." not in source["bucket"]:
        host = "%s.%s" % (source["bucket"], host)
    return "https://%s%s" % (host, path), host, path


def signed(
    host: str, path: str, region: str, keys: "dict[str, str]", now: float
) -> "dict[str, str]":
    """Return the headers of a GET, signed as "Signature Version 4" of the S3 reference says."""
    import hashlib
    import hmac

    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    empty = sha256(b"").hexdigest()
    headers = {"host": host, "x-amz-content-sha256": empty, "x-amz-date": stamp}
    if keys.get("token"):
        headers["x-amz-security-token"] = keys["token"]
    names = sorted(headers)
    lines = "".join("%s:%s\n" % (name, headers[name]) for name in names)
    asked = "\n".join(["GET", path, "", lines, ";".join(names), empty])
    scope = "%s/%s/s3/aws4_request" % (stamp[:8], region)
    text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, sha256(asked.encode()).hexdigest()])
    key = ("AWS4" + keys["secret"]).encode()
    for word in scope.split("/") + [text]:
        key = hmac.new(key, word.encode(), hashlib.sha256).digest()
    by = "AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s"
    headers["authorization"] = by % (keys["id"], scope, ";".join(names), key.hex())
    del headers["host"]
    return headers


def credentials() -> "dict[str, str]":
    """Return the host's own: of the environment, of root's file, or of the instance's profile.

    An on-premises node of Systems Manager finds its own in the file, which the agent renews.
    """
    environment = os.environ
    if environment.get("AWS_ACCESS_KEY_ID"):
        return {
            "id": environment["AWS_ACCESS_KEY_ID"],
            "secret": environment.get("AWS_SECRET_ACCESS_KEY", ""),
            "token": environment.get("AWS_SESSION_TOKEN", ""),
        }
    return from_file() or from_metadata()


def from_file() -> "dict[str, str]":
    import configparser

    home = os.path.expanduser("~")
    path = os.environ.get("AWS_SHARED_CREDENTIALS_FILE") or os.path.join(home, ".aws/credentials")
    file = configparser.ConfigParser(interpolation=None)
    try:
        file.read_string(read_file(path).decode())
        found = file["default"]
        return {
            "id": found["aws_access_key_id"],
            "secret": found["aws_secret_access_key"],
            "token": found.get("aws_session_token", ""),
        }
    except (OSError, KeyError, ValueError, configparser.Error):
        return {}


def from_metadata() -> "dict[str, str]":
    """Ask the instance metadata service, version 2: the only one that may be left on."""
    base = os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT") or METADATA
    path = "%s/latest/meta-data/iam/security-credentials/" % base.rstrip("/")
    try:
        token = asked(
            "%s/latest/api/token" % base.rstrip("/"),
            "PUT",
            {"X-aws-ec2-metadata-token-ttl-seconds": "300"},
        )
        by = {"X-aws-ec2-metadata-token": token}
        role = asked(path, "GET", by).split("\n")[0].strip()
        found = json.loads(asked(path + role, "GET", by))
        return {
            "id": found["AccessKeyId"],
            "secret": found["SecretAccessKey"],
            "token": found["Token"],
        }
    except (OSError, KeyError, ValueError):
        raise Refused(
            "This host has no AWS credentials of its own. Give it an instance profile, or let the"
            " deployment group fetch bundles by presigned addresses.",
            "no_credentials",
        ) from None


def asked(url: str, method: str, headers: "dict[str, str]") -> str:
    import urllib.request

    without_proxy = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(url, headers=headers, method=method)
    with without_proxy.open(request, timeout=2) as answer:
        text = answer.read(1 << 16)  # type: bytes
    return text.decode()
