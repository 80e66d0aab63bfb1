"""AWS on one loopback port: moto's server, with SSM and EC2 made as strict as the real ones.

Prints {"port": N} when it answers. Owns no rule itself: ssm.py, ec2.py and trail.py do.
Argument: the directory in which simulated hosts are registered for SSM.
"""
import json
import logging
import os
import sys
import threading

# Read when moto is imported: one image instead of a thousand, which take it seconds to list.
os.environ["MOTO_AMIS_PATH"] = os.path.join(os.path.dirname(__file__), "amis.json")
import ec2
import ses
import ssm
import trail
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server


class Quiet(WSGIRequestHandler):
    """Says nothing at the end of a request: a long poll's end is of no use to anybody."""

    def log_request(self, code="-", size="-"):
        pass


def sent_mails():
    """Every mail that SES was given whole, in the order of sending."""
    from moto.ses.models import ses_backends

    backends = [backend for account in ses_backends.values() for backend in account.values()]
    mails = [message for backend in backends for message in backend.sent_messages if hasattr(message, "raw_data")]
    return json.dumps({"mails": [mail.raw_data for mail in mails]}).encode()


ONE_AT_A_TIME = threading.Lock()


def named(application):
    """Writes each call's name when it begins, so that the log tells who is waiting for what."""

    def answer(environ, start_response):
        if environ["PATH_INFO"] == ses.SENT_PATH:
            start_response("200 OK", [("Content-Type", "application/json")])
            return [sent_mails()]
        target = environ.get("HTTP_X_AMZ_TARGET") or environ["PATH_INFO"]
        sys.stderr.write(f"{target}\n")
        if target.startswith("DynamoDB_"):
            # DynamoDB's transactions are isolated; moto applies them piece by piece and takes them back.
            with ONE_AT_A_TIME:
                return list(application(environ, start_response))
        return application(environ, start_response)

    return answer


def main():
    ec2.install()
    ssm.install(sys.argv[1])
    trail.install(sys.argv[1])
    application = named(DomainDispatcherApplication(create_backend_app))
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=Quiet)
    print(json.dumps({"port": server.server_port}), flush=True)
    server.serve_forever()


main()
