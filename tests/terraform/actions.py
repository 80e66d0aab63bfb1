"""Holds policies against AWS's own list of actions, as policy_sentry carries it.

Owns: every action exists, none has a wildcard, and a wildcard resource stands only where no action of the statement takes
a resource. A key's own policy is left out of the last: there "*" is the key. Knows nothing of Terraform but its state.
"""

import json

from policy_sentry.querying.actions import get_action_data

POLICIES = ("policy", "assume_role_policy")


def resources(module):
    """Every resource of a state, with its address."""
    yield from module.get("resources", [])
    for child in module.get("child_modules", []):
        yield from resources(child)


def statements(state):
    """Every statement of every policy: (address, statement)."""
    for resource in resources(state["values"]["root_module"]):
        for name in POLICIES:
            text = resource["values"].get(name)
            if resource["mode"] == "managed" and isinstance(text, str) and text:
                for statement in json.loads(text)["Statement"]:
                    yield resource, statement


def listed(value):
    return value if isinstance(value, list) else [value]


def takes_resource(action):
    """Whether AWS lets an action be held to a resource."""
    service, name = action.split(":")
    data = get_action_data(service, name)
    if not data:
        return None
    return any(row["resource_arn_format"] != "*" for row in data[service])


def faults(state):
    """What is wrong with a state's policies, in words; and how many statements were looked at."""
    found, seen = [], 0
    for resource, statement in statements(state):
        seen += 1
        where = f"{resource['address']}, {statement.get('Sid', 'a statement')}"
        for action in listed(statement["Action"]):
            if "*" in action:
                found.append(f"{where}: the action {action} has a wildcard")
                continue
            narrow = takes_resource(action)
            if narrow is None:
                found.append(f"{where}: AWS has no action {action}")
            elif narrow and "*" in listed(statement.get("Resource", [])) and resource["type"] != "aws_kms_key":
                found.append(f"{where}: {action} can be held to a resource, and is not")
    return found, seen
