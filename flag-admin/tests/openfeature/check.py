"""What OpenFeature's Python provider makes of the server."""

import os

from openfeature import api
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext

api.set_provider(OFREPProvider(os.environ["OFREP_URL"]))
client = api.get_client()
nobody = EvaluationContext()
somebody = EvaluationContext("u1", {"plan": "team"})


def check(details, value, variant, reason, error=None):
    found = (details.value, details.variant, str(details.reason), details.error_code and str(details.error_code.value))
    assert found == (value, variant, reason, error), (details.flag_key, found, details.error_message)
    assert type(details.value) is type(value), details


check(client.get_boolean_details("plain", False, nobody), True, "on", "STATIC")
check(client.get_boolean_details("team", False, somebody), True, "on", "TARGETING_MATCH")
check(client.get_boolean_details("team", False, nobody), False, "off", "DEFAULT")
check(client.get_boolean_details("switched", True, nobody), False, "off", "DISABLED")
check(client.get_boolean_details("half", True, nobody), False, "off", "DEFAULT")
check(client.get_string_details("greeting", "", nobody), "good morning", "long", "STATIC")
check(client.get_integer_details("count", 0, nobody), 7, "many", "STATIC")
check(client.get_float_details("ratio", 0.5, nobody), 3.0, "low", "STATIC")
check(client.get_object_details("shape", {}, nobody), {"sides": 4}, "square", "STATIC")
check(client.get_boolean_details("nothing", True, nobody), True, None, "ERROR", "FLAG_NOT_FOUND")
check(client.get_boolean_details("greeting", True, nobody), True, None, "ERROR", "TYPE_MISMATCH")
shares = [client.get_boolean_value("half", False, EvaluationContext(f"u{n}")) for n in range(200)]
assert 60 < sum(shares) < 140, sum(shares)
assert client.get_boolean_details("plain", False, somebody).flag_metadata["detail"] == "STATIC"
print("Python's provider agrees")
