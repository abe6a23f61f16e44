/** The steps of a history, as data: what happens to a cluster, each with the time until the next one. */
import type { Operation } from "../../src/kernel/operation.ts";
import type { Damage } from "../support/path-damage.ts";
import type { Diversion } from "./diversions.ts";
import type { ForeignKind } from "./foreign-objects.ts";
import type { SpoiltFile } from "./spoilt-files.ts";
import type { HostileWrite } from "./store.ts";

/** For a time. */
interface Lasting<Name extends string> {
  readonly do: Name;
  readonly forMs: number;
}
/** On one host, for a time. */
interface LastingOn<Name extends string> extends Lasting<Name> {
  readonly host: number;
}
interface On<Name extends string> {
  readonly do: Name;
  readonly host: number;
}

type StoreStep =
  | Lasting<"store away">
  | Lasting<"store hangs">
  | LastingOn<"partition">
  | LastingOn<"silence watch">
  | (LastingOn<"delay watch"> & { readonly ms: number })
  /** Its watch reports that all leases are gone; they are not. */
  | LastingOn<"empty watch">
  | { readonly do: "break watches" }
  | { readonly do: "compact" }
  /** The operator sets an annotation for addresses on the host's Node: this text, or null for the host's own address. */
  | (On<"annotate"> & { readonly name: string; readonly text: string | null })
  /** Another component makes a Node that is larger than daemons read. */
  | Lasting<"large node">
  /** The server answers some requests with an error. */
  | Lasting<"store refuses">
  | { readonly do: "back up" }
  | { readonly do: "restore" }
  | { readonly do: "rotate credentials" }
  | On<"expire">
  | { readonly do: "hostile write"; readonly author: number; readonly write: HostileWrite }
  | { readonly do: "hostile author leaves"; readonly author: number };

type KernelStep =
  /** `percent` of these operations, at random. */
  | (LastingOn<"refuse operations"> & {
      readonly ops: readonly Operation["op"][];
      readonly percent: number;
    })
  | LastingOn<"kernel unreadable">
  | LastingOn<"lose events">
  | (LastingOn<"late events"> & { readonly ms: number })
  | (On<"damage"> & { readonly what: Damage; readonly peer: number })
  /** Of packets to this peer, by another program. */
  | (LastingOn<"divert"> & { readonly what: Diversion; readonly peer: number })
  | (On<"foreign object"> & { readonly what: ForeignKind })
  | (LastingOn<"udp fault"> & { readonly what: UdpFault })
  | On<"end udp thread">
  | (LastingOn<"slow firewall"> & { readonly ms: number });

type HostStep =
  /** Another program writes this into a file of the daemon, which ends soon after and starts again. */
  | (On<"spoil file"> & { readonly what: SpoiltFile; readonly text: number })
  | LastingOn<"disk full">
  | LastingOn<"disk read-only">
  /** @see Life.killAfter */
  | (On<"kill"> & { readonly afterSteps: number; readonly backMs: number })
  | (On<"stop"> & { readonly backMs: number })
  | LastingOn<"pause">
  | (On<"reboot"> & { readonly offMs: number; readonly keepsRunDirectory: boolean })
  | (On<"step clock"> & { readonly ms: number })
  /** To one of the addresses that no other host has. */
  | (On<"change address"> & { readonly choice: number })
  | LastingOn<"interface down">
  | LastingOn<"cut cable">
  /** Of the underlay. */
  | (LastingOn<"change MTU"> & { readonly mtuBytes: number });

type OperatorStep =
  | { readonly do: "configure"; readonly backend: number }
  | { readonly do: "configure badly"; readonly text: string }
  | { readonly do: "renumber"; readonly network: number }
  | { readonly do: "reserve"; readonly subnet: number; readonly ip: number }
  | On<"release">;

export type Step =
  | StoreStep
  | KernelStep
  | HostStep
  | OperatorStep
  /** All faults are lifted, and the cluster must come to rest. */
  | { readonly do: "quiet" };

export type StoreStepName = StoreStep["do"];
export type KernelStepName = KernelStep["do"];
export type HostStepName = HostStep["do"];
export type OperatorStepName = OperatorStep["do"];

export type UdpFault = "refusesSockets" | "refusesTables" | "holdsTable" | "endsThreads";

export interface TimedStep {
  readonly step: Step;
  /** Until the next step. */
  readonly pauseMs: number;
}

/** One line for a reader. */
export function describeStep(step: Step): string {
  const { do: what, ...fields } = step;
  const texts = Object.entries(fields).map(([name, value]) => {
    if (name === "host" || name === "peer")
      return `${name === "peer" ? "to " : "on "}node${Number(value) + 1}`;
    return `${name}=${typeof value === "object" ? JSON.stringify(value) : value}`;
  });
  return [what, ...texts].join(" ");
}
