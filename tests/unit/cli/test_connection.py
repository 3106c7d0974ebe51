"""Which service is spoken to, and which token it is shown."""

from pathlib import Path

import pytest

from tidegate_cli.connection import find_connection
from tidegate_cli.errors import BadProfile, BadToken


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / ".config" / "tidegate").mkdir(parents=True)
    (tmp_path / ".config" / "tidegate" / "token").write_text("of-the-profile\n")
    return tmp_path


def write_profile(home: Path, text: str) -> None:
    (home / ".config" / "tidegate" / "profile.toml").write_text(text)


def write_admin_token(home: Path) -> None:
    data_dir = home / ".local" / "share" / "tidegate"
    data_dir.mkdir(parents=True)
    (data_dir / "admin.token").write_text("of-the-admin\n")


def found(home: Path, profile: str | None = None, **environ: str) -> tuple[str, str | None]:
    connection = find_connection(profile, environ=environ, home=home)
    return connection.url, connection.token


def test_without_anything_it_is_the_embedded_system_of_this_machine(home: Path):
    write_admin_token(home)

    assert found(home) == ("http://127.0.0.1:8080", "of-the-admin")


def test_the_environment_wins_over_the_default_profile(home: Path):
    write_profile(home, '[default]\nurl = "http://profile"\ntoken_file = "token"\n')

    assert found(home) == ("http://profile", "of-the-profile")
    assert found(home, TIDEGATE_URL="http://env/", TIDEGATE_TOKEN="t") == ("http://env", "t")


def test_the_token_of_the_environment_may_lie_in_a_file(home: Path):
    file, missing = home / ".config" / "tidegate" / "token", home / "missing"

    assert found(home, TIDEGATE_TOKEN_FILE=str(file))[1] == "of-the-profile"
    assert found(home, TIDEGATE_TOKEN_FILE="", TIDEGATE_TOKEN="t")[1] == "t"
    with pytest.raises(BadToken) as refused:
        found(home, TIDEGATE_TOKEN_FILE=str(missing))
    assert str(refused.value) == (
        f"TIDEGATE_TOKEN_FILE cannot be '{missing}': it cannot be read (No such file or directory)."
    )
    with pytest.raises(BadToken, match="with TIDEGATE_TOKEN it is given twice; give one"):
        found(home, TIDEGATE_TOKEN_FILE=str(file), TIDEGATE_TOKEN="t")


def test_a_profile_that_is_named_wins_over_the_environment(home: Path):
    write_profile(home, '[prod]\nurl = "http://prod"\ntoken_file = "token"\n')

    assert found(home, "prod", TIDEGATE_URL="http://env", TIDEGATE_TOKEN="t") == (
        "http://prod",
        "of-the-profile",
    )


def test_a_region_is_found_as_the_address_is(home: Path):
    write_profile(home, '[default]\nregion = "eu-west-1"\n[prod]\nregion = "us-west-2"\n')

    def region(profile: str | None = None, **environ: str) -> str:
        return find_connection(profile, environ=environ, home=home).region

    assert region() == "eu-west-1"
    assert region(TIDEGATE_REGION="cn-north-1") == "cn-north-1"
    assert region("prod", TIDEGATE_REGION="cn-north-1") == "us-west-2"
    write_profile(home, "")
    assert region() == ""


def test_the_token_of_a_profile_goes_nowhere_else(home: Path):
    write_profile(home, '[default]\nurl = "http://profile"\ntoken_file = "token"\n')

    assert found(home, TIDEGATE_URL="http://elsewhere") == ("http://elsewhere", None)


def test_the_admin_token_never_leaves_this_machine(home: Path):
    write_admin_token(home)

    assert found(home, TIDEGATE_URL="http://[::1]:9000")[1] == "of-the-admin"
    assert found(home, TIDEGATE_URL="http://tidegate.example")[1] is None


def test_the_data_directory_says_where_the_admin_token_lies(home: Path):
    (home / "admin.token").write_text("of-another")

    assert found(home, TIDEGATE_DATA_DIR=str(home))[1] == "of-another"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[other]\n", "it has: other"),
        ("prod = 1\n", "no table"),
        ('[prod]\ntoken = "secret"\n', "'token', which cannot be used"),
        ("[prod]\nurl = 1\n", "'url', which cannot be used"),
        ("[prod\n", "cannot be read"),
        ('[prod]\ntoken_file = "gone"\n', "gone cannot be read"),
    ],
)
def test_a_profile_that_cannot_be_used_is_explained(home: Path, text: str, sentence: str):
    write_profile(home, text)

    with pytest.raises(BadProfile, match=sentence):
        find_connection("prod", environ={}, home=home)
