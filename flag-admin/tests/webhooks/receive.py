"""Receives webhooks, and lets the published verifier judge each under every secret that stands in a file."""

import http.server
import json
import pathlib
import sys

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

FOLDER = pathlib.Path(sys.argv[1])


def believes(secret, body, headers):
    try:
        Webhook(secret).verify(body, headers)
    except WebhookVerificationError:
        return False
    return True


def verdict(body, headers):
    """Every secret must do, and none of it once a byte of body, id or time is another."""
    secrets = (FOLDER / "secrets").read_text().split()
    forged = [
        (body.replace(b"}", b" }", 1), headers),
        (body, {**headers, "webhook-id": "x" + headers["webhook-id"]}),
        (body, {**headers, "webhook-timestamp": str(int(headers["webhook-timestamp"]) + 1)}),
    ]
    if not secrets or not all(believes(secret, body, headers) for secret in secrets):
        return "not believed"
    if any(believes(secret, *one) for secret in secrets for one in forged):
        return "a forgery is believed"
    return "good"


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        # The second secret is in the file before the server knows it.
        with (FOLDER / "verdicts").open("a") as verdicts:
            signatures = len(headers["webhook-signature"].split())
            print(verdict(body, headers), json.loads(body)["type"], f"{signatures} signatures", file=verdicts)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Receiver)
print(server.server_port, flush=True)
server.serve_forever()
