"""Reads the AWS provider's schema from the npm package @cdktn/provider-aws, whose JavaScript is made from it.

Owns how that package spells types, blocks and what is computed. Knows nothing of Terraform's protocol. Used as
    schema.py PACKAGE.tgz OUT.json TYPE...        (data.TYPE for a data source)
"""

import json
import re
import sys
import tarfile

FIELD = re.compile(r"^    // (\w+) - computed: (true|false), optional: (true|false), required: (true|false)$", re.M)
CLASS = re.compile(r"^(?:export )?class (\w+) extends ([\w.]+) \{$", re.M)
MEMBER = re.compile(r"^    _\w+ = new ([\w.]+)\(this, \"(\w+)\"(?:, (true|false))?\);$", re.M)
READS = re.compile(r"^        return (.+);$", re.M)
SCALARS = {
    "String": "string",
    "Number": "number",
    "Boolean": "bool",
    "List": ["list", "string"],
    "NumberList": ["list", "number"],
    "StringMap": ["map", "string"],
    "NumberMap": ["map", "number"],
    "BooleanMap": ["map", "bool"],
}
MAPS = {"cdktn.StringMap": "string", "cdktn.NumberMap": "number", "cdktn.BooleanMap": "bool"}


class Module:
    """One resource's or data source's file: its classes, each a block or the list of one."""

    def __init__(self, source):
        heads = list(CLASS.finditer(source))
        ends = [head.start() for head in heads[1:]] + [len(source)]
        self.bodies = {head[1]: source[head.end() : end] for head, end in zip(heads, ends)}
        self.parents = {head[1]: head[2] for head in heads}

    def root(self):
        """The class of the resource itself."""
        for name, parent in self.parents.items():
            if parent in ("cdktn.TerraformResource", "cdktn.TerraformDataSource"):
                return name
        raise ValueError("no resource in this file")

    def fields(self, name):
        """What a class holds: (name, flags, type or None, nested class, how it nests)."""
        body = self.bodies[name]
        members = {member[2]: (member[1], member[3]) for member in MEMBER.finditer(body)}
        marks = list(FIELD.finditer(body))
        ends = [mark.start() for mark in marks[1:]] + [len(body)]
        for mark, end in zip(marks, ends):
            flags = dict(zip(("computed", "optional", "required"), (word == "true" for word in mark.groups()[1:])))
            if mark[1] in members:
                yield mark[1], flags, *self.nested(mark[1], *members[mark[1]])
            else:
                yield mark[1], flags, scalar(READS.search(body, mark.end(), end)), None, None

    def nested(self, field, cls, is_set):
        """Type, class and nesting of what is no scalar."""
        if cls in MAPS:
            return ["map", MAPS[cls]], None, None
        if cls.startswith("cdktn."):
            return "dynamic", None, None
        if self.parents.get(cls) == "cdktn.ComplexMap":
            return None, cls.removesuffix("Map") + "OutputReference", "map"
        if self.parents.get(cls) == "cdktn.ComplexList":
            return None, cls.removesuffix("List") + "OutputReference", "set" if is_set == "true" else "list"
        return None, cls, "single" if field == "timeouts" else "one"

    def block(self, name):
        """A block as Terraform's protocol wants it: attributes and nested blocks."""
        attributes, blocks = {}, {}
        for field, flags, kind, inner, nesting in self.fields(name):
            if inner is None:
                attributes[field] = {"type": kind, **flags}
            elif flags["computed"] or nesting == "map":
                attributes[field] = {"type": self.attribute(inner, nesting), **flags}
            else:
                one = nesting == "one"
                blocks[field] = {
                    "nesting": "list" if one else nesting,
                    "min": 1 if flags["required"] and nesting != "single" else 0,
                    "max": 1 if one else 0,
                    "block": self.block(inner),
                }
        return {"attributes": attributes, "blocks": blocks}

    def attribute(self, name, nesting):
        """The type of a nested value that is an attribute."""
        held = {
            field: kind if inner is None else self.attribute(inner, deeper)
            for field, _, kind, inner, deeper in self.fields(name)
        }
        return ["list" if nesting in ("one", "single") else nesting, ["object", held]]


def scalar(reads):
    """The type of what a getter returns."""
    call = reads and re.search(r"this\.get(\w+)Attribute\(", reads[1])
    if not call or call[1] not in SCALARS:
        return "dynamic"
    kind = SCALARS[call[1]]
    return ["set", kind[1]] if "tolist(" in reads[1] else kind


def folder(wanted):
    """Where the package keeps a type: aws_sqs_queue in sqs-queue, a data source in data-aws-sqs-queue."""
    data, name = wanted.startswith("data."), wanted.removeprefix("data.")
    name = name.removeprefix("aws_").replace("_", "-")
    return ("data-aws-" if data else "") + name


def main():
    package, out, *wanted = sys.argv[1:]
    folders = {f"package/lib/{folder(one)}/index.js": one for one in wanted}
    schema = {"resource": {}, "data": {}, "version": None}
    with tarfile.open(package) as tar:
        for entry in tar:
            one = folders.pop(entry.name, None)
            if one is None:
                continue
            source = tar.extractfile(entry).read().decode()
            module = Module(source)
            kind = "data" if one.startswith("data.") else "resource"
            schema[kind][one.removeprefix("data.")] = module.block(module.root())
            schema["version"] = re.search(r"providerVersion: '([\d.]+)'", source)[1]
            if not folders:
                break
    if folders:
        sys.exit(f"schema: the AWS provider has no {', '.join(folders.values())}")
    with open(out, "w", encoding="utf-8") as file:
        json.dump(schema, file)


if __name__ == "__main__":
    main()
