"""The examples of docs/appspec.md are what they show."""

import re

from architecture.tree import text_of
from tidegate.appspec import parse_appspec, platform_of


def test_every_example_is_valid_without_a_warning():
    examples = re.findall(r"```yaml\n(version.*?)```", text_of("docs/appspec.md"), re.DOTALL)

    read = [parse_appspec(example, platform=platform_of(example)) for example in examples]

    assert [platform_of(example) for example in examples] == ["Server", "Lambda", "ECS"]
    assert [appspec.warnings for appspec in read] == [(), (), ()]
