import { BUILT_STORES, drawHistory, runHistory } from "./history.ts";
import { formatLine } from "./host-log.ts";

Error.stackTraceLimit = process.argv[6] === undefined ? 0 : 20;
const [, , seed = "1", count = "10", steps = "200", from = "0", verbose] = process.argv;
const started = performance.now();
const startedCpu = process.cpuUsage().user / 1000;
let simulated = 0;
let checks = 0;
let failed = 0;
for (let index = Number(from); index < Number(from) + Number(count); index++) {
  const history = drawHistory(Number(seed), index, {
    steps: Number(steps),
    nodes: null,
    store: BUILT_STORES[0] ?? "file",
  });
  const result = await runHistory(history);
  simulated += result.simulatedMs;
  checks += result.checks;
  if (result.violation) {
    failed++;
    console.log(
      index,
      JSON.stringify(history.options),
      "step",
      result.atStep,
      result.violation.atMs / 1000,
      result.violation.invariant,
      result.violation.reason,
    );
    if (verbose) {
      const lines: (readonly [number, number, string])[] = result.trace.events.map(
        (e) => [e.atMs, 0, `--- ${(e.atMs / 1000).toFixed(3)} ${e.text.slice(0, 300)}`] as const,
      );
      for (const host of result.trace.cluster.hosts)
        lines.push(
          ...host.log.lines.map((l) => [l.atMs, 1, `${host.name} ${formatLine(l).slice(0, 400)}`] as const),
        );
      lines.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
      for (const [, , text] of lines.slice(-Number(verbose))) console.log(text);
      console.log(result.trace.state);
    }
  }
}
const wall = process.cpuUsage().user / 1000 - startedCpu;
void started;
console.log({ failed, wallMsPerHistory: wall / Number(count), ratio: simulated / wall, checks });
