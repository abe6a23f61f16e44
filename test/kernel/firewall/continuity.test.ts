/** Restarts and resyncs under traffic: the outside host counts what reaches it with a pod's own address. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { inNamespace } from "../../../src/lab/namespaces.ts";
import { type BedOptions, FirewallBed, HOSTS } from "../../support/firewall-bed.ts";
import { rulesFor } from "../../support/firewall-situation.ts";
import { MasqueradeTopology } from "../../support/masquerade-topology.ts";

const SECONDS = 3;
const RULES = rulesFor("dual");

let hosts: MasqueradeTopology;
let iperf: ChildProcess;
beforeAll(async () => {
  hosts = await MasqueradeTopology.create("fwcont");
  const command = ["iperf3", "-s", "--forceflush", "-B", "192.0.2.9"];
  const server = spawn("ip", inNamespace(hosts.outside.name, command), {
    stdio: ["ignore", "pipe", "inherit"],
  });
  iperf = server;
  // It tells when it listens.
  await once(server.stdout, "data");
  await hosts.outside.exec(
    "nft",
    "table inet leaks { counter arrived { }; counter arrived6 { }; counter leaked { }; " +
      "chain c { type filter hook prerouting priority raw; ip version 4 counter name arrived; " +
      "ip6 version 6 counter name arrived6; ip saddr 10.42.0.0/16 counter name leaked; " +
      "ip6 saddr fd00:10:244::/56 counter name leaked; }; }",
  );
});
afterAll(async () => {
  iperf?.kill("SIGKILL");
  await hosts?.delete();
});

async function countOf(counter: string): Promise<number> {
  const text = await hosts.outside.exec("nft", "list", "counter", "inet", "leaks", counter);
  return Number(/packets (\d+)/.exec(text)?.[1]);
}

/** A ping every 2 ms in each family, a TCP stream, and new connections all the time. */
async function traffic(): Promise<void> {
  const pings = String(SECONDS * 500);
  await Promise.all([
    hosts.pod1.exec("ping", "-q", "-i", "0.002", "-c", pings, "192.0.2.9"),
    hosts.pod1.exec("ping", "-q", "-i", "0.002", "-c", pings, "2001:db8:2::9"),
    hosts.pod1.exec(
      "iperf3",
      "-c",
      "192.0.2.9",
      "-t",
      String(SECONDS),
      "-b",
      "50M",
      "--connect-timeout",
      "3000",
    ),
    hosts.scatter(hosts.pod2, "192.0.2.9", SECONDS * 500),
  ]);
}

describe.each(["nftables", "iptables-nft", "iptables-legacy"] as const)("%s", (kind) => {
  const start = (options: BedOptions = {}) => FirewallBed.start(hosts.node, HOSTS[kind], options);

  test("nothing leaks while the daemon restarts, resyncs and repairs", async () => {
    let bed = await start({ resyncMs: 100 });
    await bed.keep(RULES);
    const leakedBefore = await countOf("leaked");
    const arrivedBefore = await countOf("arrived");
    const arrived6Before = await countOf("arrived6");
    let isOver = false;
    const load = traffic().finally(() => {
      isOver = true;
    });
    // Awaited below, when the loop has ended; a failure until then is not unhandled.
    load.catch(() => {});
    let restarts = 0;
    while (!isOver) {
      await bed.stop();
      bed = await start({ resyncMs: 100 });
      await bed.keep(RULES);
      // Another set of rules and back: the chain is rewritten, not only looked at.
      await bed.keep(rulesFor("dual", { flags: { masqueradeFullyRandom: false } }));
      await bed.keep(RULES);
      restarts += 1;
    }
    await load;
    const leaked = (await countOf("leaked")) - leakedBefore;
    const arrived = (await countOf("arrived")) - arrivedBefore;
    const arrived6 = (await countOf("arrived6")) - arrived6Before;
    await bed.keep(rulesFor("dual", { flags: { masquerade: false, forwardRules: false } }));
    await bed.stop();
    expect({ leaked }).toEqual({ leaked: 0 });
    expect(restarts).toBeGreaterThan(1);
    expect(arrived).toBeGreaterThan(SECONDS * 500);
    expect(arrived6).toBeGreaterThanOrEqual(SECONDS * 500);
  });
});
