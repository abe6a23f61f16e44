/** A configuration that the host could not serve when the node started, and can by the time the node runs. */
import { expect, it } from "vitest";
import type { LocalHost } from "../../../backends/backend.ts";
import { type Configuration, readConfiguration } from "../../../src/agent/configuration/configuration.ts";
import { LiveChanges } from "../../../src/agent/configuration/live-changes.ts";
import { NodeReport } from "../../../src/agent/reports/node-report.ts";
import type { LeaseStore } from "../../../src/lease/store.ts";
import { eventually } from "../../support/eventually.ts";
import { MemoryFiles } from "../../support/memory-files.ts";
import { RecordingLog } from "../../support/recording-log.ts";

const read = (backend: string): Configuration =>
  readConfiguration(JSON.stringify({ Network: "10.244.0.0/16", Backend: { Type: backend } }), "test");

it("comes into force though the host changes no more", async () => {
  const [inForce, gateway] = [read("vxlan"), read("host-gw")];
  const refused = { ...gateway, backend: Object.assign(gateway.backend, { refuseHost: () => null }) };
  const report = new NodeReport();
  const reason = "the host has no Ethernet addresses";
  report.configurationRefused(reason);
  const accepted: Configuration[] = [];
  const target = {
    host: () => ({}) as LocalHost,
    putIntoForce: (configuration: Configuration) => accepted.push(configuration),
    lastGoodFile: "/run/net-conf",
  };
  const parts = { store: {} as LeaseStore, report, files: new MemoryFiles(), log: new RecordingLog() };
  const changes = new LiveChanges(inForce.config, { configuration: refused, reason }, target, parts);
  const stop = new AbortController();
  const running = changes.run(none(stop.signal), stop.signal).catch((error: unknown) => error);
  await eventually(() => accepted).toEqual([refused]);
  expect(report.refusal).toBeNull();
  stop.abort(new Error("the test is over"));
  await running;
});

async function* none(signal: AbortSignal): AsyncGenerator<Configuration, void> {
  await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
}
