"""An install is exact, and names no place on the network or on somebody's machine."""

import re

import pytest

from architecture.tree import text_of, tracked_files

# Written so that this file does not name them itself.
REGISTRIES = [
    "py" + "pi.org",
    "python" + "hosted",
    "registry." + "npmjs",
    "registry." + "yarnpkg",
    "index.crates" + ".io",
    "proxy.golang" + ".org",
    "registry-1." + "docker",
]
INDEX_OPTION = re.compile(r"(?<!no-emit-)\b(?:extra-)?index-" + r"url\b")
LOCKS = {
    "requirements.lock",
    "bootstrap.lock",
    *(f"bench/{tool}.lock" for tool in ("pyinfra", "ansible", "tools")),
    "tests/awscli.lock",
    "deploy/runtime.lock",
    "deploy/build.lock",
}
LOCK_NAMES = re.compile(
    r"(\.lock|(^|/)pylock(\..+)?\.toml|(^|/)(package-lock\.json|npm-shrinkwrap\.json"
    r"|pnpm-lock\.yaml|go\.sum))$"
)


def test_no_tracked_file_names_a_registry():
    found = [
        (name, registry)
        for name in tracked_files()
        for registry in REGISTRIES
        if registry in text_of(name)
    ]

    assert found == []


def test_no_tracked_file_chooses_an_index():
    chosen = [name for name in tracked_files() if INDEX_OPTION.search(text_of(name))]

    assert chosen == []


def test_only_locks_without_addresses_are_tracked():
    locks = {name for name in tracked_files() if LOCK_NAMES.search(name)}

    assert locks == LOCKS


@pytest.mark.parametrize("lock", sorted(LOCKS))
def test_a_lock_has_exact_versions_and_hashes_and_names_no_host(lock: str):
    text = text_of(lock)
    requirements = re.sub(r"\\\n", " ", text).splitlines()
    entries = [line for line in requirements if line.strip() and not line.lstrip().startswith("#")]

    loose = [entry for entry in entries if "==" not in entry or "--hash=sha256:" not in entry]

    assert entries
    assert loose == []
    assert "://" not in text


def test_the_lock_holds_every_pinned_dependency_at_its_version():
    pinned = versions_in(text_of("pyproject.toml"), opening='  "', closing='",')
    locked = versions_in(text_of("requirements.lock"), opening="", closing=" ")

    assert pinned
    assert pinned.items() <= locked.items()


def versions_in(text: str, *, opening: str, closing: str) -> dict[str, str]:
    """Each `name==version` that stands alone on its line, without its extras."""
    pattern = rf"^{opening}([a-z0-9-]+)(?:\[[a-z0-9,-]+\])?==([0-9][^\s\"]*){closing}"
    return dict(re.findall(pattern, text, re.MULTILINE | re.IGNORECASE))
