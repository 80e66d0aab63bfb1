"""Validates OCSF events, one a line on standard input, against the published schema of their class and version.

Prints what is wrong with each, then how many of each class were right. Exits with 1 where one was wrong.
"""
import collections
import json
import sys

from jsonschema import Draft202012Validator
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

schemas, validators = {}, {}


def validator(event):
    version = event["metadata"]["version"]
    profiles = tuple(event["metadata"].get("profiles", []))
    key = (version, event["class_uid"], profiles)
    if key not in validators:
        if version not in schemas:
            schemas[version] = OcsfJsonSchemaEmbedded(get_ocsf_schema(version=version))
        name = schemas[version].lookup_class_name_from_uid(class_uid=event["class_uid"])
        schema = schemas[version].get_class_schema(class_name=name, profiles=list(profiles))
        validators[key] = Draft202012Validator(schema)
    return validators[key]


right, wrong = collections.Counter(), collections.Counter()
for line in sys.stdin:
    event = json.loads(line)
    errors = list(validator(event).iter_errors(event))
    right[event["class_name"]] += not errors
    for error in errors:
        wrong[f"{event['class_name']} {event['activity_name']}: {error.json_path}: {error.message[:200]}"] += 1
for text, count in wrong.most_common(40):
    print(f"{count} times: {text}")
print(json.dumps(right))
sys.exit(bool(wrong))
