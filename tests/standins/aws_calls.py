"""Makes AWS calls for the tests: one JSON object a line in, one out. The endpoint is in the environment.

In: {"service", "operation", "arguments"}. Out: {"answer": ...} or {"refused": {"code", "message"}}.
The service "ses" is our own: its one operation receives a mail as SES's SNS action does. So is "sent": the mails that were sent.
"""
import base64
import json
import os
import sys
import urllib.request

import boto3
import ses
from botocore.exceptions import ClientError, ParamValidationError

CLIENTS = {}


def client(service):
    return CLIENTS.setdefault(service, boto3.client(service))


def call(request):
    arguments = request["arguments"]
    if request["service"] == "ses":
        mail = base64.b64decode(arguments["mail"])
        note = ses.notification(mail, arguments["recipient"], arguments["topic"], arguments.get("stored"))
        return client("sns").publish(TopicArn=arguments["topic"], Subject=ses.SUBJECT, Message=json.dumps(note))
    if request["service"] == "sent":
        # What SES was given: moto's server keeps it where only it can look.
        with urllib.request.urlopen(os.environ["AWS_ENDPOINT_URL"] + ses.SENT_PATH) as answer:
            return json.load(answer)
    answer = getattr(client(request["service"]), request["operation"])(**arguments)
    answer.pop("ResponseMetadata", None)
    return answer


def main():
    print("{}", flush=True)
    for line in sys.stdin:
        try:
            result = {"answer": call(json.loads(line))}
        except ClientError as error:
            result = {"refused": {"code": error.response["Error"]["Code"], "message": error.response["Error"].get("Message", "")}}
        except (ParamValidationError, ses.Refused) as error:
            result = {"refused": {"code": type(error).__name__, "message": str(error)}}
        print(json.dumps(result, default=str), flush=True)


main()
