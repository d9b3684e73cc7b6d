// What OpenFeature's JavaScript provider for servers makes of the server.
import assert from "node:assert/strict";
import { OpenFeature } from "@openfeature/server-sdk";
import { OFREPProvider } from "@openfeature/ofrep-provider";

await OpenFeature.setProviderAndWait(new OFREPProvider({ baseUrl: process.env.OFREP_URL }));
const client = OpenFeature.getClient();
const team = { targetingKey: "u1", plan: "team" };

function check(details, value, variant, reason, error) {
  assert.deepEqual(
    [details.value, details.variant, details.reason, details.errorCode],
    [value, variant, reason, error],
    JSON.stringify(details),
  );
}

check(await client.getBooleanDetails("plain", false, {}), true, "on", "STATIC");
check(await client.getBooleanDetails("team", false, team), true, "on", "TARGETING_MATCH");
check(await client.getBooleanDetails("team", false, {}), false, "off", "DEFAULT");
check(await client.getBooleanDetails("switched", true, {}), false, "off", "DISABLED");
check(await client.getStringDetails("greeting", "", {}), "good morning", "long", "STATIC");
check(await client.getNumberDetails("count", 0, {}), 7, "many", "STATIC");
check(await client.getNumberDetails("ratio", 0, {}), 3, "low", "STATIC");
check(await client.getObjectDetails("shape", {}, {}), { sides: 4 }, "square", "STATIC");
const absent = await client.getBooleanDetails("nothing", true, {});
assert.deepEqual([absent.value, absent.reason, absent.errorCode], [true, "ERROR", "FLAG_NOT_FOUND"]);
let shares = 0;
for (let unit = 0; unit < 200; unit += 1) {
  shares += Number(await client.getBooleanValue("half", false, { targetingKey: `u${unit}` }));
}
assert.ok(shares > 60 && shares < 140, String(shares));
await OpenFeature.close();
console.log("JavaScript's provider for servers agrees");
