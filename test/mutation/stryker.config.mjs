/**
 * Mutation testing of the parts that decide: addresses, leases, the netlink codec, planners and the switch-over, by the
 * suites that need no root. Static mutants (of code that runs while a module is loaded) are ignored: each would need a
 * process of its own.
 */
import { readdirSync } from "node:fs";

/** Other folders of test/unit test none of the mutated files, or read the files of the checkout. */
const UNIT = ["agent", "backends", "config", "kernel-netlink", "kubernetes", "lease", "net", "reconcile"];

const testFiles = [...UNIT.map((folder) => `test/unit/${folder}`), "test/property"].flatMap((folder) =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".test.ts"))
    .map((path) => `${folder}/${path}`)
    .sort(),
);

export default {
  plugins: ["./dist/mutation-runner.mjs"],
  testRunner: "in-process",
  testFiles,
  coverageAnalysis: "perTest",
  ignoreStatic: true,
  mutate: [
    "src/net/*.ts",
    "src/lease/**/*.ts",
    "src/kernel/netlink/*.ts",
    "src/kernel/objects/*.ts",
    "src/agent/switch-over/*.ts",
    "src/agent/network-plan.ts",
    "backends/*/plan.ts",
  ],
  concurrency: 1,
  // The runner finds tests without an end by processor time; this is for a mutant that blocks its process.
  timeoutMS: 30_000,
  timeoutFactor: 20,
  dryRunTimeoutMinutes: 60,
  incremental: true,
  incrementalFile: "dist/mutation/incremental.json",
  tempDirName: "dist/mutation/sandbox",
  ignorePatterns: [
    "/dist/*",
    "!/dist/fast-path.wasm",
    "/bench/results",
    "/deploy",
    "/test/{cluster,e2e,guest,kernel,matrix,smoke,stores}",
  ],
  reporters: ["progress-append-only", "clear-text", "html", "json"],
  clearTextReporter: { allowColor: false, reportTests: false, logTests: false },
  htmlReporter: { fileName: "dist/mutation/report.html" },
  jsonReporter: { fileName: "dist/mutation/report.json" },
  allowConsoleColors: false,
  disableTypeChecks: false,
  thresholds: { high: 90, low: 80, break: null },
};
