/**
 * The store suites on a real kube-apiserver in place of the stand-in, then tests that need a real one:
 * `npm run test:stores:real [-- 1.37]`. Requires root, etcd, and Go or built programs in KUBEBUILDER_ASSETS.
 */
import { join } from "node:path";
import { execute } from "../../src/runtime/program.ts";
import { tee } from "../matrix/tee.ts";
import { runCommand } from "../support/run-command.ts";
import {
  CONTROL_PLANE,
  KUBERNETES_VERSIONS,
  type KubernetesVersion,
  kubernetesPrograms,
} from "./kubernetes-programs.ts";

const VITEST = [process.execPath, "node_modules/vitest/vitest.mjs", "run"];

const RUNS = [
  ["the store suites", ["--project", "stores", "test/stores/kubernetes-"]],
  ["the stand-in beside it, and the admission policy", ["--config", "test/cluster/vitest.config.ts"]],
] as const;

await runCommand(async ({ say, complain, signal }) => {
  const [version = "1.34", ...others] = process.argv.slice(2);
  if (!isVersion(version) || others.length > 0) {
    complain(`expected one version of ${Object.keys(KUBERNETES_VERSIONS).join(", ")}`);
    return 2;
  }
  const assets = await kubernetesPrograms(version, CONTROL_PLANE, say);
  const { stdout } = await execute(join(assets, "kube-apiserver"), ["--version"]);
  const server = stdout.trim();
  const lines: string[] = [];
  for (const [title, args] of RUNS) {
    say(`\n# ${title} on ${server}`);
    const environment = { ...process.env, KUBEBUILDER_ASSETS: assets };
    const { exitCode } = await tee([...VITEST, ...args], environment, signal);
    lines.push(`${exitCode === 0 ? "passed" : "FAILED"}  ${title} on ${server}`);
  }
  say(`\n${lines.join("\n")}`);
  return lines.some((line) => line.startsWith("FAILED")) ? 1 : 0;
});

function isVersion(text: string): text is KubernetesVersion {
  return Object.hasOwn(KUBERNETES_VERSIONS, text);
}
