/** `node dist/sim-kube.mjs COUNT [SEED]`: random histories of stores on the simulated API server, with their speed. */
import { runHistory } from "./kube-history.ts";

const [count = "1000", first = "1"] = process.argv.slice(2);
const begun = process.cpuUsage();
let simulatedMs = 0;
let requests = 0;
let faults = 0;
for (let seed = Number(first); seed < Number(first) + Number(count); seed++) {
  const result = await runHistory({ seed });
  simulatedMs += result.simulatedMs;
  requests += result.requests;
  if (result.requests > 3_000) console.log(`seed ${seed}: ${result.requests} requests`);
  if (result.fault === null) continue;
  faults += 1;
  console.log(`seed ${seed}: ${result.fault.slice(0, 600)}`);
}
const { user, system } = process.cpuUsage(begun);
const tookMs = (user + system) / 1_000;
const memory = Math.round(process.memoryUsage().rss / 2 ** 20);
console.log(
  `${count} histories from seed ${first}: ${faults} broken; ${(tookMs / Number(count)).toFixed(1)} ms of CPU each, ${Math.round(simulatedMs / tookMs)} times real time, ${requests} requests, ${((tookMs * 1000) / requests).toFixed(0)} µs for each; ${memory} MiB`,
);
