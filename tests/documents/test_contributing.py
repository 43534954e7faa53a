"""What a developer is offered: hooks that run what pyproject.toml pins, and nothing else."""

import tomllib

import yaml
from chain import REPOSITORY


def test_hooks_have_no_versions_of_their_own() -> None:
    hooks = yaml.safe_load((REPOSITORY / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    pinned = {pin.partition("==")[0] for pin in extras["test"]}
    programs = set()
    for source in hooks["repos"]:
        assert source["repo"] == "local"
        programs |= {hook["entry"].split()[0] for hook in source["hooks"]}
    assert programs == {"ruff", "snakefmt", "mypy"}
    assert programs <= pinned
    assert any(pin.startswith("pre-commit==") for pin in extras["dev"])
