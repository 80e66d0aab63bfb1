"""CloudTrail's LookupEvents, which moto lacks: records from a file, two calls a second, pages of at most 50.

The records are lines of trail.jsonl in the directory of simulated hosts, each as CloudTrail writes it.
"""
import json
import os
import threading
import time

from moto.cloudtrail.responses import CloudTrailResponse
from moto.core.exceptions import JsonRESTError

CALLS_A_SECOND = 2
LOCK = threading.Lock()
CALLS = []


class Throttled(JsonRESTError):
    code = 400

    def __init__(self):
        super().__init__("ThrottlingException", "Rate exceeded")


def throttle(place):
    with LOCK:
        now = time.monotonic()
        CALLS[:] = [(other, at) for other, at in CALLS if now - at < 1]
        if sum(other == place for other, _ in CALLS) >= CALLS_A_SECOND:
            raise Throttled()
        CALLS.append((place, now))


def names(record):
    """The resources of a record, as far as its parameters name them."""
    text = json.dumps([record.get("requestParameters"), record.get("responseElements")])
    return {word for word in text.replace('"', " ").replace(",", " ").split() if "-" in word}


def matches(record, attribute):
    key, value = attribute["AttributeKey"], attribute["AttributeValue"]
    return record.get("eventName") == value if key == "EventName" else key == "ResourceName" and value in names(record)


def epoch(record):
    return time.mktime(time.strptime(record["eventTime"], "%Y-%m-%dT%H:%M:%SZ")) - time.timezone


def install(directory):
    path = os.path.join(directory, "trail.jsonl")

    def lookup_events(self):
        throttle((self.current_account, self.region))
        asked = json.loads(self.body)
        records = []
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                records = [json.loads(line) for line in file]
        attributes = asked.get("LookupAttributes", [])
        found = [
            record
            for record in records
            if record.get("awsRegion") == self.region
            and asked.get("StartTime", 0) <= epoch(record) <= asked.get("EndTime", 2**40)
            and all(matches(record, attribute) for attribute in attributes)
        ]
        found.sort(key=epoch, reverse=True)
        start, most = int(asked.get("NextToken") or 0), min(asked.get("MaxResults", 50), 50)
        page = found[start : start + most]
        answer = {"Events": [{"EventName": r["eventName"], "EventTime": epoch(r), "CloudTrailEvent": json.dumps(r)} for r in page]}
        if start + most < len(found):
            answer["NextToken"] = str(start + most)
        return json.dumps(answer)

    CloudTrailResponse.lookup_events = lookup_events
