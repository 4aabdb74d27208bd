"""Compares the tables (argv[1], from tests/tools/model_dump.c) with botocore's service model
(argv[2]): every operation, member, bound, pattern and enumeration."""

import json
import sys

with open(sys.argv[1]) as tables, open(sys.argv[2]) as service:
    tables, model = json.load(tables), json.load(service)
shapes = model["shapes"]


def expand(name):
    """A shape in the form of the tables."""
    shape = shapes[name]
    result = {key: shape[key] for key in ("type", "min", "max", "pattern") if key in shape}
    if "enum" in shape:
        result["enum"] = sorted(shape["enum"])
    for part in ("member", "key", "value"):
        if part in shape:
            result[part] = expand(shape[part]["shape"])
    if shape["type"] == "structure":
        result["members"] = {key: expand(member["shape"]) for key, member in shape["members"].items()}
        result["required"] = sorted(shape.get("required", []))
    return result


def in_order(ours):
    """The same, with what has no order sorted."""
    if isinstance(ours, list):
        return sorted(ours)
    return {key: in_order(value) for key, value in ours.items()} if isinstance(ours, dict) else ours


ours = in_order(tables)
theirs = {name: expand(operation["input"]["shape"]) for name, operation in model["operations"].items()}
differences = 0
for name in sorted(ours.keys() | theirs.keys()):
    if ours.get(name) != theirs.get(name):
        differences += 1
        print(f"{name}: ours {json.dumps(ours.get(name))}\n  botocore's {json.dumps(theirs.get(name))}")
print(len(theirs), "operations,", differences, "differ")
sys.exit(differences > 0)
