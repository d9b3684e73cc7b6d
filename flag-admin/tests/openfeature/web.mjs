// What OpenFeature's provider for browsers makes of the server: one bulk answer, the next user's, and a kill.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { OpenFeature } from "@openfeature/web-sdk";
import { OFREPWebProvider } from "@openfeature/ofrep-web-provider";

const [program, project] = process.argv.slice(2);
const client = OpenFeature.getClient();
const provider = new OFREPWebProvider({ baseUrl: process.env.OFREP_URL, pollInterval: 300 });
await OpenFeature.setContext({ targetingKey: "u1" });
await OpenFeature.setProviderAndWait(provider);

assert.equal(client.getBooleanValue("plain", false), true);
assert.equal(client.getBooleanValue("team", true), false);
assert.equal(client.getStringValue("greeting", ""), "good morning");
assert.equal(client.getNumberValue("ratio", 0), 3);
assert.deepEqual(client.getObjectValue("shape", {}), { sides: 4 });
assert.equal(client.getBooleanDetails("nothing", true).errorCode, "FLAG_NOT_FOUND");

// The provider keeps its ETag when only the context changes: an answer of 304 would leave one user with another's flags.
await OpenFeature.setContext({ targetingKey: "u1", plan: "team" });
assert.equal(client.getBooleanValue("team", false), true);
await OpenFeature.setContext({ targetingKey: "u1" });
assert.equal(client.getBooleanValue("team", true), false);

execFileSync(program, ["-C", project, "--as", "checker", "kill", "plain", "--reason", "a drill"], { stdio: "ignore" });
for (let wait = 0; wait < 50 && client.getBooleanValue("plain", true); wait += 1) {
  await new Promise((resolve) => setTimeout(resolve, 100));
}
assert.equal(client.getBooleanValue("plain", true), false);
await OpenFeature.close();
console.log("JavaScript's provider for browsers agrees");
process.exit(0);
