"""SSM Run Command that really runs, under the service's rules.

Owns the service's side: what SendCommand refuses, when an invocation becomes visible, and what
the calls answer. agent.py owns the host's side. Rules as measured with the real agent and read
in the service's model; a rule that real SSM has and that is missing here is a fault.
"""
import datetime
import itertools
import json
import os
import re
import threading
import time

import agent
from moto.core.responses import ActionResult
from moto.ec2.models import ec2_backends
from moto.ssm.exceptions import SSMException
from moto.ssm.models import Command
from moto.ssm.responses import SimpleSystemManagerResponse as Response

INSTANCE_ID = re.compile(r"^(i-(\w{8}|\w{17})|mi-\w{17})$")
VISIBLE_AFTER_S = float(os.environ.get("VISIBLE_AFTER", "0.3"))
COMMANDS_MAX = 10_000
COMMANDS = {}
CALLS = itertools.count(1)
LOCK = threading.Lock()
FILTER_KEYS = {
    "InstanceIds": "InstanceId",
    "PingStatus": "PingStatus",
    "AgentVersion": "AgentVersion",
    "PlatformTypes": "PlatformType",
    "ResourceType": "ResourceType",
}


class Invocation:
    """One command on one instance; its steps hold what GetCommandInvocation shows."""

    def __init__(self, instance_id, steps):
        self.instance_id = instance_id
        self.steps = [agent.Step(step["name"]) for step in steps]
        self.status = "Pending"
        self.details = "Pending"
        self.cancelled = threading.Event()


class Sent:
    """A command as it was sent."""

    def __init__(self, account, region, request, document, instance_ids):
        self.account, self.region = account, region
        self.request, self.document = request, document
        self.parameters = {
            name: [parameter["default"]] for name, parameter in document.get("parameters", {}).items() if "default" in parameter
        } | (request.get("Parameters") or {})
        self.invocations = {id: Invocation(id, document["mainSteps"]) for id in instance_ids}
        self.born = time.monotonic()

    def visible(self):
        return time.monotonic() - self.born >= VISIBLE_AFTER_S


def refuse(code, message=""):
    raise SSMException(code, message)


def check_parameters(document, given):
    known = document.get("parameters", {})
    for name, values in given.items():
        parameter = known.get(name)
        if parameter is None:
            refuse("InvalidParameters", f"Parameter \"{name}\" is not defined in the document.")
        if parameter["type"] == "String" and len(values) != 1:
            refuse("InvalidParameters", f"Parameter \"{name}\" takes one value.")
        pattern = parameter.get("allowedPattern")
        # A final $ is the end of the text: Python's would let a newline follow.
        exact = pattern and re.sub(r"(?<!\\)\$$", r"\\Z", pattern)
        if exact and not all(re.search(exact, value) for value in values):
            refuse("InvalidParameters", f"Parameter \"{name}\" has value not matching \"{pattern}\".")
    missing = [name for name, parameter in known.items() if "default" not in parameter and name not in given]
    if missing:
        refuse("InvalidParameters", f"Parameters {missing} are required.")


def check_instances(hosts, account, region, ids):
    if not ids:
        refuse("ValidationException", "InstanceIds or Targets must be specified.")
    if len(ids) > 50:
        refuse("ValidationException", "Member must have length less than or equal to 50")
    if len(set(ids)) != len(ids):
        refuse("DuplicateInstanceId")
    instances = ec2_backends[account][region]
    for id in ids:
        if not INSTANCE_ID.match(id):
            refuse("ValidationException", f"Value '{id}' failed to satisfy constraint")
        host = hosts.find(id)
        state = next((i.state for r in instances.all_reservations() for i in r.instances if i.id == id), None)
        gone = not id.startswith("mi-") and state != "running"
        if host is None or host.region != region or gone:
            refuse("InvalidInstanceId", f"Instances [[{id}]] not in a valid state for account {account}")


def send_command(hosts):
    def answer(self):
        request = json.loads(self.body)
        account, region = self.current_account, self.region
        name = request.get("DocumentName", "")
        try:
            document = self.ssm_backend._get_documents(name).get_default_version().content_json
        except SSMException:
            refuse("InvalidDocument", f"Document with name {name} does not exist.")
        timeout = int(request.get("TimeoutSeconds") or 3600)
        if not 30 <= timeout <= 2_592_000:
            refuse("ValidationException", "TimeoutSeconds must be between 30 and 2592000")
        if request.get("Targets"):
            refuse("ValidationException", "the stand-in takes InstanceIds only")
        ids = list(request.get("InstanceIds") or [])
        check_instances(hosts, account, region, ids)
        check_parameters(document, request.get("Parameters") or {})
        sent = Sent(account, region, request, document, ids)
        command = Command(account_id=account, document_name=name, timeout_seconds=timeout, instance_ids=ids,
                          parameters=request.get("Parameters"), comment=request.get("Comment", ""), backend_region=region)
        command.instance_ids = ids
        shown = command.response_object() | {"Status": "Pending", "StatusDetails": "Pending", "CompletedCount": 0}
        with LOCK:
            if len(COMMANDS) >= COMMANDS_MAX:
                refuse("ThrottlingException", "Rate exceeded")
            COMMANDS[command.command_id] = sent
        for invocation in sent.invocations.values():
            work = (hosts, command.command_id, sent, invocation, timeout)
            threading.Thread(target=agent.deliver, args=work, daemon=True).start()
        return ActionResult({"Command": shown})

    return answer


def find(self, command_id):
    sent = COMMANDS.get(command_id)
    return sent if sent and (sent.account, sent.region) == (self.current_account, self.region) else None


def get_command_invocation(self):
    request = json.loads(self.body)
    sent = find(self, request.get("CommandId"))
    if sent is None or not sent.visible():
        refuse("InvocationDoesNotExist")
    invocation = sent.invocations.get(request.get("InstanceId"))
    if invocation is None:
        refuse("InvocationDoesNotExist")
    plugin = request.get("PluginName")
    if plugin is None and len(invocation.steps) > 1:
        refuse("InvalidPluginName", "the document has several steps: PluginName is required")
    step = next((step for step in invocation.steps if plugin in (None, step.name)), None)
    if step is None:
        refuse("InvalidPluginName")
    return ActionResult({
        "CommandId": request["CommandId"],
        "InstanceId": invocation.instance_id,
        "Comment": sent.request.get("Comment", ""),
        "DocumentName": sent.request["DocumentName"],
        "DocumentVersion": "$DEFAULT",
        "PluginName": step.name,
        # With one step, its status is the invocation's.
        "Status": invocation.status if len(invocation.steps) == 1 else step.status,
        "StatusDetails": invocation.details if len(invocation.steps) == 1 else step.details,
    } | step.shown())


def list_command_invocations(self):
    request = json.loads(self.body)
    wanted = request.get("CommandId")
    rows = []
    for command_id, sent in COMMANDS.items():
        if wanted not in (None, command_id) or find(self, command_id) is None or not sent.visible():
            continue
        for invocation in sent.invocations.values():
            if request.get("InstanceId") not in (None, invocation.instance_id):
                continue
            plugins = [step.plugin() for step in invocation.steps] if request.get("Details") else []
            rows.append({"CommandId": command_id, "InstanceId": invocation.instance_id, "Status": invocation.status,
                         "StatusDetails": invocation.details, "DocumentName": sent.request["DocumentName"],
                         "Comment": sent.request.get("Comment", ""), "CommandPlugins": plugins})
    return ActionResult({"CommandInvocations": rows[-50:]})


def cancel_command(self):
    sent = find(self, json.loads(self.body).get("CommandId"))
    if sent is None:
        refuse("InvalidCommandId")
    for invocation in sent.invocations.values():
        invocation.cancelled.set()
    return ActionResult({})


def describe_instance_information(hosts):
    def answer(self):
        request = json.loads(self.body)
        wanted = [(f["Key"], f["Values"]) for f in request.get("Filters") or []]
        wanted += [(f["key"], f["valueSet"]) for f in request.get("InstanceInformationFilterList") or []]
        for key, _ in wanted:
            if key not in FILTER_KEYS:
                refuse("InvalidFilterKey", f"{key} is not known")
        now = datetime.datetime.now(datetime.timezone.utc)
        rows = [host.information(now) for host in hosts.all() if host.region == self.region]
        rows = [row for row in rows if all(row[FILTER_KEYS[key]] in values for key, values in wanted)]
        return ActionResult({"InstanceInformationList": rows})

    return answer


def throttled(directory, answer):
    """While the directory of hosts holds a file `throttled`, two of three calls are too many."""

    def decide(self):
        if os.path.exists(os.path.join(directory, "throttled")) and next(CALLS) % 3:
            refuse("ThrottlingException", "Rate exceeded")
        return answer(self)

    return decide


def install(directory):
    hosts = agent.Hosts(directory)
    calls = {
        "send_command": send_command(hosts),
        "get_command_invocation": get_command_invocation,
        "list_command_invocations": list_command_invocations,
        "cancel_command": cancel_command,
        "describe_instance_information": describe_instance_information(hosts),
    }
    for name, answer in calls.items():
        setattr(Response, name, throttled(directory, answer))
