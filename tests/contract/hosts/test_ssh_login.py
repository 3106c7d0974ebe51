"""Who is let in, and who is at the other end: keys, host keys, jumps and names."""

import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncssh
import pytest

from contract.hosts.scripted import BEGUN, Conversation
from tidegate.drivers.hosts import Failed, Finished, HostAddress, HostKeyLearned, HostRun, Outcome
from tidegate.drivers.hosts.ssh import SshHosts
from tidegate.testing.host_runs import Follower
from tidegate.testing.ssh_server import LoopbackSshServer


@pytest.fixture
def server(tmp_path: Path, authorized_key: str) -> Iterator[LoopbackSshServer]:
    with LoopbackSshServer(home=tmp_path / "home", authorized_key=authorized_key) as server:
        yield server


@pytest.fixture
def probe(hasty: SshHosts, server: LoopbackSshServer, identity: str) -> Callable[..., Outcome]:
    """Ask the server of this test for a sign of life, with other settings where given."""

    def ask(driver: SshHosts = hasty, **others: object) -> Outcome:
        settings = {**server.settings(identity), **others}
        return driver.probe(HostAddress(name="web-1", settings=settings))

    return ask


def failure(outcome: Outcome) -> Failed:
    assert isinstance(outcome, Failed), outcome
    assert outcome.message.endswith("."), outcome.message
    return outcome


def other_key() -> asyncssh.SSHKey:
    return asyncssh.generate_private_key("ssh-ed25519")


def public(key: asyncssh.SSHKey) -> str:
    return key.export_public_key("openssh").decode()


class TestHostKeys:
    def test_the_key_of_the_row_is_the_one_that_counts(self, probe):
        assert probe() == Finished()

    def test_a_known_hosts_line_and_a_comment_are_understood(self, probe, server):
        assert probe(host_key=f"web-1,10.0.0.1 {server.host_key} root@web-1") == Finished()

    def test_another_key_is_refused_and_both_are_shown(self, probe, server):
        expected = other_key()

        failed = failure(probe(host_key=public(expected)))

        assert failed.code == "host_key_mismatch"
        assert expected.get_fingerprint() in failed.message
        assert asyncssh.import_public_key(server.host_key).get_fingerprint() in failed.message
        assert f"tidegate host set web-1 --host-key '{server.host_key}'" in failed.message

    def test_a_key_of_another_kind_is_a_mismatch_too(self, probe):
        failed = failure(
            probe(host_key=public(asyncssh.generate_private_key("ecdsa-sha2-nistp256")))
        )

        assert failed.code == "host_key_mismatch"
        assert "ecdsa-sha2-nistp256 SHA256:" in failed.message

    def test_no_key_and_no_trust_says_how_to_add_it(self, probe, server):
        failed = failure(probe(host_key=""))

        assert failed.code == "host_key_unknown"
        assert "SHA256:" in failed.message
        assert f"tidegate host set web-1 --host-key '{server.host_key}'" in failed.message

    def test_a_key_that_is_known_outranks_trust_on_first_use(self, probe):
        failed = failure(probe(host_key=public(other_key()), trust_on_first_use=True))

        assert failed.code == "host_key_mismatch"

    def test_trust_on_first_use_is_reported_before_all_else(self, hasty, scripted, run, identity):
        async def script(talk: Conversation) -> None:
            await talk.open()
            await talk.finish(10)

        host = scripted(script)
        settings = host.settings(identity, host_key="", trust_on_first_use=True)
        follower = Follower(hasty, HostAddress(name="web-1", settings=settings), run).start()

        assert follower.join() == Finished()
        assert follower.reports[0] == HostKeyLearned(host.host_key)

    def test_a_key_that_was_learned_holds_for_the_next_connection(
        self, make_driver, scripted, run, identity
    ):
        async def script(talk: Conversation) -> None:
            await talk.open()
            await talk.fact(10, BEGUN)
            await talk.hang()

        host = scripted(script)
        settings = host.settings(identity, host_key="", trust_on_first_use=True)
        address = HostAddress(name="web-1", settings=settings)
        follower = Follower(make_driver(), address, run).start()
        follower.wait_for(lambda f: f.facts, "the run begins")
        host.change_key()

        assert failure(follower.join()).code == "host_key_mismatch"

    def test_an_authority_may_vouch_for_the_key(self, tmp_path, authorized_key, identity, hasty):
        authority, key = other_key(), other_key()
        certificate = authority.generate_host_certificate(key, "web", principals=["127.0.0.1"])
        server = LoopbackSshServer(
            home=tmp_path / "home",
            authorized_key=authorized_key,
            host_key=key,
            host_certificate=certificate,
        )

        with server:
            good = server.settings(identity, host_key=f"@cert-authority {public(authority)}")
            bad = server.settings(identity, host_key=f"@cert-authority {public(other_key())}")
            answers = [
                hasty.probe(HostAddress(name="web-1", settings=settings))
                for settings in (good, bad)
            ]

        assert answers[0] == Finished()
        assert failure(answers[1]).code == "host_key_mismatch"


class TestIdentities:
    def test_a_key_that_is_not_authorized_is_denied(self, probe, tmp_path):
        path = write_key(tmp_path / "stranger", other_key())

        failed = failure(probe(identity=f"file:{path}"))

        assert failed.code == "permission_denied"
        assert "user 'tide'" in failed.message
        assert str(path) in failed.message

    def test_a_certificate_beside_the_key_is_shown_too(self, tmp_path, hasty):
        authority, key = other_key(), other_key()
        path = write_key(tmp_path / "certified", key)
        certificate = authority.generate_user_certificate(key, "ops", principals=["tide"])
        certificate.write_certificate(f"{path}-cert.pub")
        trusted = f"cert-authority {public(authority)}"

        with LoopbackSshServer(home=tmp_path / "home", authorized_key=trusted) as server:
            address = HostAddress(name="web-1", settings=server.settings(f"file:{path}"))

            assert hasty.probe(address) == Finished()

    def test_a_key_may_come_from_the_environment(self, probe, make_driver, user_key):
        pem = user_key.export_private_key("openssh").decode()

        assert probe(make_driver(environment={"KEY": pem}), identity="env:KEY") == Finished()

    @pytest.mark.parametrize("text", ["", "no key", "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA"])
    def test_a_variable_without_a_key_is_named_and_not_quoted(self, text, probe, make_driver):
        failed = failure(probe(make_driver(environment={"KEY": text}), identity="env:KEY"))

        assert failed.code == "misconfigured"
        assert "KEY" in failed.message
        assert "AAAA" not in failed.message

    def test_an_encrypted_key_says_what_to_do(self, probe, tmp_path, user_key):
        path = tmp_path / "encrypted"
        path.touch(mode=0o600)
        path.write_bytes(user_key.export_private_key("pkcs8-pem", passphrase="secret"))

        failed = failure(probe(identity=f"file:{path}"))

        assert failed.code == "misconfigured"
        assert "is encrypted" in failed.message

    def test_a_key_file_that_others_may_read_is_refused(self, probe, tmp_path, user_key):
        path = write_key(tmp_path / "open", user_key)
        path.chmod(0o644)

        failed = failure(probe(identity=f"file:{path}"))

        assert failed.code == "misconfigured"
        assert f"chmod 600 {path}" in failed.message

    def test_a_key_file_that_is_missing_is_named(self, probe):
        assert "/nowhere/id" in failure(probe(identity="file:/nowhere/id")).message

    def test_an_agent_signs(self, probe, make_driver, agent):
        assert (
            probe(make_driver(environment={"SSH_AUTH_SOCK": agent}), identity="agent") == Finished()
        )

    def test_no_agent_is_said(self, probe, make_driver):
        assert (
            "SSH_AUTH_SOCK" in failure(probe(make_driver(environment={}), identity="agent")).message
        )

    def test_nothing_in_the_users_home_is_used_unasked(
        self, probe, monkeypatch, tmp_path, user_key
    ):
        (tmp_path / ".ssh").mkdir()
        write_key(tmp_path / ".ssh" / "id_ed25519", user_key)
        stranger = write_key(tmp_path / "stranger", other_key())
        monkeypatch.setenv("HOME", str(tmp_path))

        assert failure(probe(identity=f"file:{stranger}")).code == "permission_denied"


class TestWays:
    def test_a_name_without_an_address_is_said_at_once(self, probe):
        assert failure(probe(address="no-such-host.invalid")).code == "name_unresolved"

    def test_a_port_that_is_closed_is_tried_until_the_host_counts_as_lost(
        self, hasty, server, identity, run: HostRun
    ):
        settings = server.settings(identity, port=closed_port())
        begun_at = time.monotonic()
        outcome = Follower(hasty, HostAddress(name="web-1", settings=settings), run).start().join()

        assert failure(outcome).code == "unreachable"
        assert "refused" in failure(outcome).message
        assert 3.9 < time.monotonic() - begun_at < 8

    def test_a_server_that_says_nothing_is_left_in_time(self, probe):
        with socket.create_server(("127.0.0.1", 0)) as mute:
            begun_at = time.monotonic()
            failed = failure(probe(port=mute.getsockname()[1]))

        assert failed.code == "unreachable"
        assert time.monotonic() - begun_at < 6

    def test_a_jump_host_with_a_known_key_leads_to_the_host(self, probe, server, tmp_path):
        (tmp_path / "known_hosts").write_text(f"[127.0.0.1]:{server.port} {server.host_key}\n")

        assert probe(proxy_jump=f"tide@127.0.0.1:{server.port}") == Finished()

    def test_a_jump_hosts_key_may_be_a_setting(self, probe, server):
        jump = {"proxy_jump": f"127.0.0.1:{server.port}", "proxy_host_key": server.host_key}

        assert probe(**jump) == Finished()

    def test_a_jump_host_that_is_unknown_is_refused(self, probe, server):
        failed = failure(probe(proxy_jump=f"tide@127.0.0.1:{server.port}"))

        assert failed.code == "host_key_unknown"
        assert "jump host" in failed.message

    def test_the_key_behind_a_jump_host_is_checked_too(self, probe, server):
        jump = {"proxy_jump": f"127.0.0.1:{server.port}", "proxy_host_key": server.host_key}

        assert failure(probe(**jump, host_key=public(other_key()))).code == "host_key_mismatch"

    @pytest.mark.parametrize("missing", ["user", "identity"])
    def test_what_is_missing_is_named(self, missing: str, probe):
        failed = failure(probe(**{missing: ""}))

        assert failed.code == "misconfigured"
        assert missing in failed.message


@pytest.fixture
def agent(tmp_path: Path, user_key: asyncssh.SSHKey) -> Iterator[str]:
    path = str(tmp_path / "agent")
    process = subprocess.Popen(["ssh-agent", "-D", "-a", path], stdout=subprocess.DEVNULL)
    try:
        while not Path(path).exists():
            time.sleep(0.01)
        subprocess.run(
            ["ssh-add", "-q", write_key(tmp_path / "added", user_key)],
            env={**os.environ, "SSH_AUTH_SOCK": path},
            check=True,
        )
        yield path
    finally:
        process.terminate()
        process.wait()


def write_key(path: Path, key: asyncssh.SSHKey) -> Path:
    path.touch(mode=0o600)
    path.write_bytes(key.export_private_key("openssh"))
    return path


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
