"""YAML front matter of a Markdown file to the fields of the input contract. Layer: adapters (PyYAML)."""

from __future__ import annotations

import re

from rag.errors import UsageError

_BLOCK = re.compile(r"\A---[ \t]*\n(?P<yaml>.*?)^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
# What blogs and static site generators call our fields.
_OTHER_NAMES = {
    "date": "published",
    "author": "authors",
    "lang": "language",
    "lastmod": "updated",
    "category": "section",
}
_NULL = "tag:yaml.org,2002:null"


def split(text: str) -> tuple[dict[str, object], str]:
    """The fields and the Markdown after them; no fields where the text does not open with front matter.

    Values stay the text that was written: YAML would make a number of the title `1984`, and `750` of `12:30`.
    Raises `UsageError`, with the line, when it is not valid YAML.
    """
    block = _BLOCK.match(text)
    if not block:
        return {}, text
    import yaml  # only here: few files have front matter

    try:
        node = yaml.compose(block["yaml"], Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line if error.problem_mark else 0
        raise UsageError(f"invalid front matter on line {line + 2}: {error.problem or error.context}") from error
    except yaml.reader.ReaderError as error:
        line = block["yaml"].count("\n", 0, error.position)
        raise UsageError(f"invalid front matter on line {line + 2}: a character that YAML does not allow") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise UsageError("invalid front matter: it is nested too deeply") from error
    if node is None:
        return {}, text[block.end() :]
    if not isinstance(node, yaml.MappingNode):  # a text between two rules
        return {}, text
    fields = {str(key.value).lower(): _value(value) for key, value in node.value if isinstance(key, yaml.ScalarNode)}
    for other, ours in _OTHER_NAMES.items():
        fields.setdefault(ours, fields.get(other))
    return fields, text[block.end() :]


def _value(node: object) -> object:
    """A text, None, a list of those, or an empty mapping, which no field accepts: one level is all that fields have."""
    import yaml

    if isinstance(node, yaml.SequenceNode):
        return [_scalar(item) for item in node.value]
    return _scalar(node)


def _scalar(node: object) -> object:
    import yaml

    if not isinstance(node, yaml.ScalarNode):
        return {}
    return None if node.tag == _NULL else str(node.value)
