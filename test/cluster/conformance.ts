/**
 * The end-to-end suite of Kubernetes on clusters with Tweed: `npm run test:conformance`, with
 * `-- --backend vxlan,host-gw,udp --families v4,dual --proxy iptables,nftables` on each of them; `--chaos` changes
 * backends and restarts programs meanwhile. Prints the result of each cluster, and each failure with its reason; the
 * exit code is 1 when a spec failed.
 */
import { join } from "node:path";
import type { Io } from "../../src/cli/io.ts";
import { runCommand } from "../support/run-command.ts";
import { dnsServiceIp } from "./address-plan.ts";
import { installable, MANIFEST, networkConfig, untilCarriedBy, untilReady } from "./checks/installation.ts";
import { Cluster } from "./cluster.ts";
import { exercise } from "./conformance/exercise.ts";
import {
  type ConformanceKind,
  type ConformanceOptions,
  nameOfKind,
  parseConformanceOptions,
} from "./conformance/options.ts";
import { suitePrograms } from "./conformance/suite-programs.ts";
import { details, hasPassed, summary } from "./conformance/verdict.ts";
import { agnhostImage, corednsImage, pauseImage } from "./images/test-images.ts";
import { tweedImage } from "./images/tweed-image.ts";
import { corednsManifest } from "./manifests/add-ons.ts";

await runCommand(async (io) => {
  const options = parseConformanceOptions(process.argv.slice(2));
  const programs = await suitePrograms(io.say);
  let clean = true;
  for (const kind of options.kinds) clean = (await testOn(kind, options, programs, io)) && clean;
  return clean ? 0 : 1;
});

async function testOn(
  kind: ConformanceKind,
  options: ConformanceOptions,
  programs: string,
  { say, signal }: Io,
): Promise<boolean> {
  const { families, backend, version } = kind;
  const { nodes, directory, chaosSeed } = options;
  const tweed = await tweedImage(say);
  const others = [await pauseImage(version, say), await agnhostImage(version, say), await corednsImage(say)];
  const logs =
    directory === null ? {} : { directory: join(directory, nameOfKind(kind).replaceAll(" ", "-")) };
  const archives = [tweed, ...others].map(({ archive }) => archive);
  const cluster = await Cluster.start({ ...kind, ...logs, nodes, signal }, say, archives);
  try {
    await cluster.apply(await corednsManifest(dnsServiceIp(families)));
    const config = networkConfig({ families, backend: { Type: backend } });
    await cluster.apply(installable(await MANIFEST.render(), tweed.names[0] ?? "", config));
    await untilReady(cluster, signal);
    await untilCarriedBy(cluster, backend, signal);
    await cluster.routePodsFromControlPlane();

    const { result, events, durationMs } = await exercise(cluster, backend, options, programs, signal);
    const chaos = chaosSeed === null ? "" : `, chaos of seed ${chaosSeed}`;
    say([summary(nameOfKind(kind) + chaos, result, durationMs), ...details(result, events)].join("\n"));
    return hasPassed(result);
  } finally {
    await cluster.stop();
  }
}
