/** Parts of the product that a test replaces by faulty ones, to show that the oracle notices. */
import type { Firewall } from "../../src/agent/firewall/node-firewall.ts";
import type { Kernel } from "../../src/kernel/kernel.ts";
import type { LeaseStore } from "../../src/lease/store.ts";
import type { FakeKernel } from "../support/fake-kernel.ts";
import type { SimulatedStore, StoreHost } from "./store.ts";

export interface Replacements {
  /** Wraps the store of a daemon, on this server. */
  readonly store?: (store: LeaseStore, host: StoreHost, server: SimulatedStore) => LeaseStore;
  /** Wraps the kernel of a daemon. */
  readonly kernel?: (kernel: Kernel, host: string) => Kernel;
  /** Wraps the packet filter of a daemon. */
  readonly firewall?: (firewall: Firewall) => Firewall;
  /** Called with the kernel of the host when a daemon ends. */
  readonly onDaemonEnd?: (kernel: FakeKernel) => void;
}
