/** Faults of a host's kernel, and what other programs do to it. */
import type { Operation } from "../../src/kernel/operation.ts";
import { TweedError } from "../../src/runtime/error.ts";
import { damage } from "../support/path-damage.ts";
import type { Carriage } from "../support/path-of-peer.ts";
import type { Acts } from "./acts.ts";
import type { SimulatedCluster } from "./cluster.ts";
import { divert } from "./diversions.ts";
import { CATCH_UP_MS, KERNEL_RETRY_MS, REPAIR_MS, RESYNC_MS } from "./grace.ts";
import type { SimulatedHost } from "./host.ts";
import type { KernelStepName } from "./step.ts";
import { walk } from "./walk.ts";

export const KERNEL_ACTS: Acts<KernelStepName> = {
  "refuse operations": (cluster, { host, ops, percent, forMs }) => {
    const { kernel } = cluster.hostAt(host);
    const before = (operation: Operation) =>
      ops.includes(operation.op) && cluster.random.below(100) < percent ? REFUSAL : null;
    hold(cluster, "refuse", host, { forMs, graceMs: KERNEL_RETRY_MS }, (isOn) => {
      kernel.hooks = isOn ? { ...kernel.hooks, before } : {};
    });
  },
  "kernel unreadable": (cluster, { host, forMs }) => {
    const { kernel } = cluster.hostAt(host);
    hold(cluster, "unreadable", host, { forMs, graceMs: KERNEL_RETRY_MS }, (isOn) => {
      kernel.fault = isOn ? UNREADABLE : null;
    });
  },
  "lose events": (cluster, { host, forMs }) => {
    const on = cluster.hostAt(host);
    const { kernel } = on;
    hold(cluster, "deaf", host, { forMs, graceMs: RESYNC_MS }, (isOn) => {
      cluster.diverted.excuse(on);
      if (isOn) kernel.loseNotifications();
      else kernel.overrun();
    });
  },
  // A daemon follows its own operations by their acknowledgements; what others do it notices later.
  "late events": (cluster, { host, ms, forMs }) => {
    const on = cluster.hostAt(host);
    hold(cluster, "late", host, { forMs, graceMs: ms + REPAIR_MS }, (isOn) =>
      on.setEventDelay(isOn ? ms : 0),
    );
  },
  damage: (cluster, { host, peer, what }) => {
    const on = cluster.hostAt(host);
    const to = cluster.hostAt(peer);
    const carriage = damageable(walk(on, to, cluster.hosts).carriage);
    if (on === to || to.podSubnet === null || carriage === null) return;
    const index = cluster.indexAt(host);
    cluster.disturbances.disturb(index, REPAIR_MS + on.eventDelayMs);
    // The next daemon repairs it, once it has read the store.
    if (!on.isReady) cluster.disturbances.awaitReady(index);
    damage(on.kernel, carriage, what, { subnet: to.podSubnet, mac: macOf(on, to) });
    on.onChange();
  },
  divert: (cluster, { host, peer, what, forMs }) => {
    const on = cluster.hostAt(host);
    const to = cluster.hostAt(peer);
    const family = cluster.isDual && forMs % 3 === 1 ? "v6" : "v4";
    const [subnet, own] = [to.podSubnetOf(family), on.podSubnetOf(family)];
    if (on === to || subnet === null || own === null) return;
    const { kernel } = on;
    hold(cluster, "divert", host, { forMs, graceMs: CATCH_UP_MS }, (isOn) => {
      // One at a time: a second one takes the place of the first.
      if (!isOn) cluster.diverted.judge(on);
      cluster.diverted.end(on);
      if (isOn) cluster.diverted.began(on, to, family, divert(kernel, what, subnet, own));
      on.onChange();
    });
  },
  "foreign object": (cluster, { host, what }) => cluster.foreignOn(cluster.hostAt(host)).place(what),
  "udp fault": (cluster, { host, what, forMs }) => {
    const { sessions } = cluster.hostAt(host);
    hold(cluster, what, host, { forMs, graceMs: CATCH_UP_MS }, (isOn) => {
      sessions[what] = isOn;
    });
  },
  "end udp thread": (cluster, { host }) => {
    cluster.disturbances.disturb(cluster.indexAt(host), CATCH_UP_MS);
    cluster.hostAt(host).sessions.endThread();
  },
  "slow firewall": (cluster, { host, ms, forMs }) => {
    const { firewall } = cluster.hostAt(host);
    cluster.faults.hold(
      `firewall ${cluster.indexAt(host)}`,
      forMs,
      () => {
        firewall.writeMs = ms;
      },
      () => {
        firewall.writeMs = 15;
      },
    );
  },
};

function hold(
  cluster: SimulatedCluster,
  name: string,
  host: number,
  { forMs, graceMs }: { readonly forMs: number; readonly graceMs: number },
  set: (isOn: boolean) => void,
): void {
  const index = cluster.indexAt(host);
  cluster.disturbances.disturb(index, forMs + graceMs);
  cluster.faults.hold(
    `${name} ${index}`,
    forMs,
    () => set(true),
    () => set(false),
  );
}

function macOf(host: SimulatedHost, peer: SimulatedHost) {
  return host.kernel.fdb.find(({ iface, remote }) => iface === "flannel.1" && remote === peer.ip)?.mac;
}

function damageable(carriage: string | null): Carriage | null {
  if (carriage === "bare" || carriage === "udp") return carriage;
  return carriage === "vxlan 1" ? "vxlan" : null;
}

const REFUSAL = new TweedError({ code: "EBUSY", operation: "test", reason: "injected", retryable: true });
const UNREADABLE = new TweedError({ code: "EBADF", operation: "test", reason: "injected", retryable: true });
