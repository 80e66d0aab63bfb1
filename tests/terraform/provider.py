"""A stand-in for Terraform's AWS provider: its real schema, made-up computed values, no network.

Owns one server of Terraform's plugin protocol on a socket of its own, which Terraform is told of by
TF_REATTACH_PROVIDERS, so nothing is installed or downloaded. What it refuses beyond the schema is what AWS would refuse
at once: a policy that is no JSON or has no statement, a name that is too long. It knows nothing of what AWS would do.
    provider.py SCHEMA.json SOCKET        (prints the variable's value once it listens, ends with its standard input)
"""

import hashlib
import json
import os
import sys
from concurrent import futures

import grpc
import msgpack
from tf.gen import grpc_controller_pb2 as control
from tf.gen import grpc_controller_pb2_grpc as control_rpc
from tf.gen import grpc_stdio_pb2_grpc as stdio_rpc
from tf.gen import tfplugin_pb2 as pb
from tf.gen import tfplugin_pb2_grpc as rpc

ACCOUNT = "111122223333"
REGION = "us-east-1"
UNKNOWN = msgpack.ExtType(0, b"\0")
NESTING = {"single": 1, "list": 2, "set": 3}
POLICIES = ("policy", "assume_role_policy", "event_pattern", "redrive_policy", "redrive_allow_policy")
NAMES_MOST = {"aws_iam_role": 64, "aws_iam_policy": 128, "aws_sqs_queue": 80, "aws_s3_bucket": 63,
              "aws_cloudwatch_event_rule": 64, "aws_dynamodb_table": 255, "aws_ssm_document": 128}


def option(kind="string"):
    return {"type": kind, "computed": False, "optional": True, "required": False}


def many(attributes):
    return {"nesting": "list", "min": 0, "max": 1, "block": {"attributes": attributes, "blocks": {}}}


SETTINGS = {
    "attributes": {
        **{name: option() for name in ("region", "profile", "access_key", "secret_key", "token")},
        **{f"skip_{name}": option("bool") for name in
           ("credentials_validation", "metadata_api_check", "requesting_account_id", "region_validation")},
        "allowed_account_ids": option(["set", "string"]),
    },
    "blocks": {
        "default_tags": many({"tags": option(["map", "string"])}),
        "assume_role": many({name: option() for name in ("role_arn", "external_id", "session_name")}),
    },
}


def message_of(block):
    """A block as a message of the protocol."""
    flags = ("computed", "optional", "required")
    attributes = [
        pb.Schema.Attribute(name=name, type=json.dumps(one["type"]).encode(), **{flag: one[flag] for flag in flags})
        for name, one in block["attributes"].items()
    ]
    nested = [
        pb.Schema.NestedBlock(type_name=name, block=message_of(one["block"]), nesting=NESTING[one["nesting"]],
                              min_items=one["min"], max_items=one["max"])
        for name, one in block["blocks"].items()
    ]
    return pb.Schema.Block(attributes=attributes, block_types=nested)


def schema_of(block):
    return pb.Schema(version=0, block=message_of(block))


def packed(value):
    return pb.DynamicValue(msgpack=msgpack.packb(value))


def unpacked(value):
    if value.msgpack:
        return msgpack.unpackb(value.msgpack, strict_map_key=False)
    return json.loads(value.json) if value.json else None


def known(value):
    """What is known of a value, to make others from."""
    if isinstance(value, dict):
        return {name: known(one) for name, one in value.items() if one != UNKNOWN}
    if isinstance(value, list):
        return [known(one) for one in value if one != UNKNOWN]
    return value


def arn(kind, name, values):
    """An ARN of the shape that the service gives, where policies depend on it."""
    region = values.get("region") or REGION
    service, rest = {
        "aws_s3_bucket": ("s3", None),
        "aws_iam_role": ("iam", f"role/{name}"),
        "aws_iam_policy": ("iam", f"policy/{name}"),
        "aws_dynamodb_table": ("dynamodb", f"table/{name}"),
        "aws_kms_key": ("kms", f"key/{name}"),
        "aws_ssm_document": ("ssm", f"document/{name}"),
        "aws_cloudwatch_log_group": ("logs", f"log-group:{name}"),
        "aws_cloudwatch_event_bus": ("events", f"event-bus/{name}"),
        "aws_cloudwatch_event_rule": ("events", f"rule/{name}"),
        "aws_secretsmanager_secret": ("secretsmanager", f"secret:{name}-AbCdEf"),
        "aws_ecs_cluster": ("ecs", f"cluster/{name}"),
    }.get(kind, (kind.split("_")[1], name))
    if service == "s3":
        return f"arn:aws:s3:::{values.get('bucket')}"
    place = "" if service == "iam" else region
    return f"arn:aws:{service}:{place}:{ACCOUNT}:{rest}"


def made_up(kind, field, shape, values):
    """A computed value: the same for the same resource, of a plausible shape."""
    values = known(values)
    digest = hashlib.sha256((kind + json.dumps(values, sort_keys=True, default=str)).encode()).hexdigest()[:12]
    if shape == "string":
        name = str(values.get("name") or values.get("bucket") or digest)
        if field == "arn" or field.endswith("_arn"):
            return arn(kind, name, values)
        fixed = {"account_id": ACCOUNT, "owner_id": ACCOUNT, "partition": "aws", "dns_suffix": "amazonaws.com",
                 "policy": '{"Version": "2012-10-17", "Statement": []}', "region": values.get("region") or REGION,
                 "name": name if kind != "aws_region" else REGION,
                 "url": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{name}"}
        if kind in ("aws_s3_bucket", "aws_sqs_queue", "aws_dynamodb_table", "aws_iam_role", "aws_ssm_document"):
            fixed["id"] = fixed["url"] if kind == "aws_sqs_queue" else name
        return fixed.get(field, f"{field}-{digest}")
    if shape == "number":
        return 1
    if shape == "bool":
        return False
    if shape == "dynamic":
        return None
    if kind == "aws_availability_zones" and field == "names":
        return [f"{REGION}{letter}" for letter in "abc"]
    if kind == "aws_ses_domain_dkim":
        return [f"{digest}{number}" for number in range(3)]
    return {} if shape[0] == "map" else []


def completed(kind, block, values, planning):
    """Values with what the provider computes: unknown while planning, made up when applied."""
    for name, one in block["attributes"].items():
        if planning and one["computed"] and values.get(name) is None:
            values[name] = UNKNOWN
        elif not planning and values.get(name) == UNKNOWN:
            values[name] = made_up(kind, name, one["type"], values)
    if planning and "tags_all" in block["attributes"]:
        values["tags_all"] = values.get("tags") or {}
    for name, one in block["blocks"].items():
        held = values.get(name)
        for inner in [held] if one["nesting"] == "single" and held else held or []:
            if inner is not None and inner != UNKNOWN and one["nesting"] != "single":
                completed(kind, one["block"], inner, planning)
    return values


def faults(kind, values):
    """What AWS would refuse at once."""
    for name in POLICIES:
        text = values.get(name)
        if not isinstance(text, str):
            continue
        try:
            policy = json.loads(text)
        except ValueError as error:
            yield f"{name} is no JSON: {error}"
            continue
        if name.endswith("policy") and "redrive" not in name and not policy.get("Statement"):
            yield f"{name} has no statement"
    name = values.get("name") or values.get("bucket")
    if isinstance(name, str) and len(name) > NAMES_MOST.get(kind, 256):
        yield f"{name} is longer than {NAMES_MOST.get(kind, 256)} characters"


class Provider(rpc.ProviderServicer):
    """The provider's side of the protocol."""

    def __init__(self, schema):
        self.schema = schema

    def GetMetadata(self, request, context):
        return pb.GetMetadata.Response(
            server_capabilities=pb.ServerCapabilities(get_provider_schema_optional=True),
            resources=[pb.GetMetadata.ResourceMetadata(type_name=name) for name in self.schema["resource"]],
            data_sources=[pb.GetMetadata.DataSourceMetadata(type_name=name) for name in self.schema["data"]],
        )

    def GetProviderSchema(self, request, context):
        return pb.GetProviderSchema.Response(
            provider=schema_of(SETTINGS),
            resource_schemas={name: schema_of(one) for name, one in self.schema["resource"].items()},
            data_source_schemas={name: schema_of(one) for name, one in self.schema["data"].items()},
        )

    def ValidateProviderConfig(self, request, context):
        return pb.ValidateProviderConfig.Response()

    def ValidateResourceConfig(self, request, context):
        found = faults(request.type_name, unpacked(request.config) or {})
        return pb.ValidateResourceConfig.Response(diagnostics=[
            pb.Diagnostic(severity=pb.Diagnostic.ERROR, summary=f"{request.type_name}: {one}") for one in found
        ])

    def ValidateDataResourceConfig(self, request, context):
        return pb.ValidateDataResourceConfig.Response()

    def UpgradeResourceState(self, request, context):
        return pb.UpgradeResourceState.Response(upgraded_state=packed(json.loads(request.raw_state.json)))

    def ConfigureProvider(self, request, context):
        return pb.ConfigureProvider.Response()

    def ReadResource(self, request, context):
        return pb.ReadResource.Response(new_state=request.current_state)

    def PlanResourceChange(self, request, context):
        planned = unpacked(request.proposed_new_state)
        if planned is not None:
            planned = completed(request.type_name, self.schema["resource"][request.type_name], planned, True)
        return pb.PlanResourceChange.Response(planned_state=packed(planned))

    def ApplyResourceChange(self, request, context):
        state = unpacked(request.planned_state)
        if state is not None:
            found = list(faults(request.type_name, state))
            if found:
                return pb.ApplyResourceChange.Response(new_state=request.prior_state, diagnostics=[
                    pb.Diagnostic(severity=pb.Diagnostic.ERROR, summary=f"{request.type_name}: {one}") for one in found
                ])
            state = completed(request.type_name, self.schema["resource"][request.type_name], state, False)
        return pb.ApplyResourceChange.Response(new_state=packed(state))

    def ReadDataSource(self, request, context):
        block = self.schema["data"][request.type_name]
        values = completed(request.type_name, block, unpacked(request.config), True)
        return pb.ReadDataSource.Response(state=packed(completed(request.type_name, block, values, False)))

    def GetFunctions(self, request, context):
        return pb.GetFunctions.Response()

    def StopProvider(self, request, context):
        return pb.StopProvider.Response()


class Controller(control_rpc.GRPCControllerServicer):
    """Terraform asks plugins to end; this one outlives its runs."""

    def Shutdown(self, request, context):
        return control.Empty()


class Output(stdio_rpc.GRPCStdioServicer):
    """Terraform wants to read what a plugin prints; nothing is."""

    def StreamStdio(self, request, context):
        return iter(())


def main():
    path, socket = sys.argv[1:]
    with open(path, encoding="utf-8") as file:
        schema = json.load(file)
    unbounded = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
    server = grpc.server(futures.ThreadPoolExecutor(8), options=unbounded)
    rpc.add_ProviderServicer_to_server(Provider(schema), server)
    control_rpc.add_GRPCControllerServicer_to_server(Controller(), server)
    stdio_rpc.add_GRPCStdioServicer_to_server(Output(), server)
    server.add_insecure_port(f"unix://{socket}")
    server.start()
    address = {"Network": "unix", "String": socket}
    plugin = {"Protocol": "grpc", "ProtocolVersion": 6, "Pid": os.getpid(), "Test": True, "Addr": address}
    # Terraform's own name for a provider begins with the host of its registry.
    print(json.dumps({"hashicorp/aws": plugin}), flush=True)
    sys.stdin.read()
    server.stop(0)


if __name__ == "__main__":
    main()
