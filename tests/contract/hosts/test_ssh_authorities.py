"""Authorities that vouch for host keys, with OpenSSH's server and certificates of ssh-keygen."""

from collections.abc import Callable, Iterator
from pathlib import Path

import asyncssh
import pytest

from parts.sshd import SshdFarm, SshdHost, new_key, public_line, require_sshd
from tidegate.drivers.hosts import Failed, Finished, HostAddress, Outcome
from tidegate.drivers.hosts.ssh import SshHosts

pytestmark = pytest.mark.sshd


class Authority:
    """Someone who signs host keys."""

    def __init__(self, path: Path) -> None:
        self.key = new_key()
        self.path = path
        path.touch(mode=0o600)
        path.write_bytes(self.key.export_private_key("openssh"))

    @property
    def trusted(self) -> str:
        return f"@cert-authority * {public_line(self.key)}"


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshdHost]:
    require_sshd()
    with SshdFarm(tmp_path_factory.mktemp("authorities")) as farm:
        (host,) = farm.start(1)
        yield host


@pytest.fixture
def ours(tmp_path: Path, host: SshdHost) -> Authority:
    host.certificate.unlink(missing_ok=True)
    return Authority(tmp_path / "ours")


@pytest.fixture
def probe(make_driver: Callable[..., SshHosts], host: SshdHost) -> Callable[[str], Outcome]:
    """Ask the host for a sign of life, with this as its host key."""
    driver = make_driver()

    def ask(host_key: str) -> Outcome:
        settings = {**host.settings, "host_key": host_key}
        return driver.probe(HostAddress(name="web-1", settings=settings))

    return ask


def refusal(outcome: Outcome) -> str:
    assert isinstance(outcome, Failed), outcome
    assert outcome.code == "host_key_mismatch"
    assert outcome.message.endswith(".")
    return outcome.message


def fingerprint(key: asyncssh.SSHKey) -> str:
    return str(key.get_fingerprint())


def test_a_certificate_of_the_authority_is_accepted(probe, host: SshdHost, ours: Authority):
    host.sign_host_key(ours.path, "-h", "-n", f"web-1,{host.address}", "-V", "-1h:+1h")

    assert probe(ours.trusted) == Finished()


def test_a_certificate_without_principals_is_one_for_all(probe, host: SshdHost, ours: Authority):
    host.sign_host_key(ours.path, "-h")

    assert probe(ours.trusted) == Finished()


def test_a_certificate_does_not_hinder_who_trusts_the_key_itself(
    probe, host: SshdHost, ours: Authority
):
    host.sign_host_key(ours.path, "-h")

    assert probe(host.host_key) == Finished()


def test_another_authority_is_refused_and_both_are_shown(
    probe, host: SshdHost, ours: Authority, tmp_path: Path
):
    other = Authority(tmp_path / "other")
    host.sign_host_key(other.path, "-h", "-n", host.address)

    message = refusal(probe(ours.trusted))

    assert f"a certificate of the authority ssh-ed25519 {fingerprint(other.key)}" in message
    assert f"{fingerprint(ours.key)} is trusted for it" in message


def test_a_key_without_a_certificate_is_refused_and_how_to_sign_it_is_said(
    probe, host: SshdHost, ours: Authority
):
    host.stop()
    host.start()

    message = refusal(probe(ours.trusted))

    key = asyncssh.import_public_key(host.host_key)
    assert f"{fingerprint(key)} without a certificate of the authority" in message
    assert f"-n {host.address}" in message


def test_the_key_of_the_authority_itself_is_no_host_key(probe, host: SshdHost, ours: Authority):
    host.stop()
    host.start()

    assert "without a certificate" in refusal(probe(f"@cert-authority {host.host_key}"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("-h", "-n", "web-2,10.0.0.9"), "a certificate that is not for '{address}'; sign"),
        (("-h", "-V", "-2h:-1h"), "a certificate that has expired; sign the host's key anew."),
        (("-h", "-V", "+1h:+2h"), "a certificate that is not valid yet; compare the clocks"),
    ],
)
def test_a_certificate_that_does_not_count_says_why(
    probe, host: SshdHost, ours: Authority, options: tuple[str, ...], said: str
):
    host.sign_host_key(ours.path, *options)

    assert said.format(address=host.address) in refusal(probe(ours.trusted))


def test_a_host_key_that_was_revoked_is_refused_though_it_is_signed(
    probe, host: SshdHost, ours: Authority
):
    host.sign_host_key(ours.path, "-h")

    message = refusal(probe(f"{ours.trusted}\n@revoked * {host.host_key}"))

    assert "presents a key that was revoked; give the host a new key" in message


def test_an_authority_that_was_revoked_vouches_for_nobody(probe, host: SshdHost, ours: Authority):
    host.sign_host_key(ours.path, "-h")

    message = refusal(probe(f"{ours.trusted}\n@revoked * {public_line(ours.key)}"))

    assert "presents the key of an authority that was revoked" in message


def test_a_bare_key_that_was_revoked_is_refused(probe, host: SshdHost, ours: Authority):
    other = public_line(new_key())

    assert "revoked" in refusal(probe(f"{host.host_key}\n@revoked {host.host_key}"))
    assert probe(f"{host.host_key}\n@revoked {other}") == Finished()
