"""The template as data."""

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent.parent


class Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms, each as {name: value}."""


def _short_form(loader: Loader, suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return {suffix: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {suffix: loader.construct_sequence(node, deep=True)}
    assert isinstance(node, yaml.MappingNode)
    return {suffix: loader.construct_mapping(node, deep=True)}


Loader.add_multi_constructor("!", _short_form)


def long_form(value: Any) -> Any:
    """A value of a template with every function under its long name, for JSON."""
    if isinstance(value, list):
        return [long_form(each) for each in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((name, argument),) = value.items()
        if name == "GetAtt":
            return {"Fn::GetAtt": argument.split(".", 1)}
        if name in ("Sub", "If", "FindInMap", "Select", "Split", "Equals", "Not", "And"):
            return {f"Fn::{name}": long_form(argument)}
    return {name: long_form(each) for name, each in value.items()}


def read_template(name: str = "template.yaml") -> Any:
    """A template, its short forms as objects."""
    return yaml.load((ROOT / name).read_text(), Loader)  # noqa: S506 - a SafeLoader
