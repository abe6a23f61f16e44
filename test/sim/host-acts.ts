/** What happens to hosts, their disks and their daemons. */
import type { Acts } from "./acts.ts";
import { address6Of, addressOf, type SimulatedCluster } from "./cluster.ts";
import { CATCH_UP_MS, REPAIR_MS } from "./grace.ts";
import { spoiltFile } from "./spoilt-files.ts";
import type { HostStepName } from "./step.ts";

/** An atomic write of the subnet file needs more. */
const NEARLY_FULL_BYTES = 100;

/** Until an operator sees what is wrong with a file that no daemon writes. */
const SPOILT_MS = 12_000;

export const HOST_ACTS: Acts<HostStepName> = {
  "spoil file": (cluster, { host, what, text: number }) => {
    const on = cluster.hostAt(host);
    // The id is all that such a host is known by.
    if (what === "identity" && on.traits.marks === "container") return;
    const { path, text } = spoiltFile(what, number);
    const former = on.replaceFile(path, text);
    if (former === null) return;
    if (what === "CNI template")
      hold(cluster, "template", host, SPOILT_MS, (isOn) => {
        const { [path]: mounted } = on.traits.files;
        if (!isOn && mounted !== undefined) on.replaceFile(path, mounted);
      });
    // Without its retained backends, a daemon that is killed during a change loses packets until peers hear of it.
    if (what === "retained backends") cluster.disturbances.awaitReady(cluster.indexAt(host));
    // What it keeps, it reads at a start.
    on.kill();
    on.startSoon(500);
  },
  "disk full": (cluster, { host, forMs }) => {
    const { disk } = cluster.hostAt(host);
    hold(cluster, "full", host, forMs, (isOn) => {
      disk.freeBytes = isOn ? NEARLY_FULL_BYTES : Number.POSITIVE_INFINITY;
    });
  },
  "disk read-only": (cluster, { host, forMs }) => {
    const { disk } = cluster.hostAt(host);
    hold(cluster, "read-only", host, forMs, (isOn) => {
      disk.isReadOnly = isOn;
    });
  },
  kill: (cluster, { host, afterSteps, backMs }) => {
    const on = cluster.hostAt(host);
    const life = on.daemon?.life;
    if (life === undefined || life.isOver) return;
    life.onEnd(() => on.startSoon(backMs));
    life.killAfter(afterSteps);
    if (afterSteps === 0) life.end();
  },
  stop: (cluster, { host, backMs }) => {
    const on = cluster.hostAt(host);
    on.daemon?.life.onEnd(() => on.startSoon(backMs));
    on.daemon?.stop();
  },
  pause: (cluster, { host, forMs }) => {
    const life = cluster.hostAt(host).daemon?.life;
    if (life === undefined || life.isOver) return;
    cluster.disturbances.blind(cluster.indexAt(host), forMs + CATCH_UP_MS);
    hold(cluster, "pause", host, forMs, (isOn) => (isOn ? life.pause() : life.resume()));
  },
  reboot: (cluster, { host, offMs, keepsRunDirectory }) => {
    const on = cluster.hostAt(host);
    cluster.disturbances.awaitReady(cluster.indexAt(host));
    on.powerOff();
    hold(cluster, "off", host, offMs, (isOn) => {
      if (isOn) return;
      on.powerOn(keepsRunDirectory);
      on.start();
    });
  },
  "step clock": (cluster, { host, ms }) => cluster.hostAt(host).clock.stepWall(ms),
  "change address": (cluster, { host, choice }) => {
    const index = cluster.indexAt(host);
    cluster.disturbances.disturb(index, CATCH_UP_MS);
    const on = cluster.hostAt(host);
    if (on.traits.isFixed) return;
    // Each family alone, or both.
    const ip = cluster.isDual && choice % 4 === 1 ? on.ip : addressOf(index, choice);
    const ip6 = !cluster.isDual ? null : choice % 4 === 2 ? on.ip6 : address6Of(index, choice);
    on.changeAddress(ip, ip6);
    cluster.store.changeAddresses?.(on.name, ip, ip6);
  },
  "interface down": (cluster, { host, forMs }) => {
    const on = cluster.hostAt(host);
    cluster.disturbances.disturb(cluster.indexAt(host), forMs + REPAIR_MS + on.eventDelayMs);
    hold(cluster, "down", host, forMs, (isOn) => on.setLink(!isOn));
  },
  "change MTU": (cluster, { host, mtuBytes, forMs }) => {
    const on = cluster.hostAt(host);
    // Without IPv6 for a time, the node has another lease, and others have to hear of it.
    if (cluster.isDual) cluster.disturbances.disturb(cluster.indexAt(host), forMs + CATCH_UP_MS);
    hold(cluster, "MTU", host, forMs, (isOn) => on.setMtu(isOn ? mtuBytes : 1_500));
  },
  "cut cable": (cluster, { host, forMs }) => {
    const on = cluster.hostAt(host);
    cluster.disturbances.disturb(cluster.indexAt(host), forMs + 1);
    hold(cluster, "cut", host, forMs, (isOn) => on.setCable(!isOn));
  },
};

function hold(
  cluster: SimulatedCluster,
  name: string,
  host: number,
  forMs: number,
  set: (isOn: boolean) => void,
): void {
  cluster.faults.hold(
    `${name} ${cluster.indexAt(host)}`,
    forMs,
    () => set(true),
    () => set(false),
  );
}
