/** The steps of a history, as data: what happens to a cluster, each with the time until the next one. */
import type { Operation } from "../../src/kernel/operation.ts";
import type { Damage } from "../support/path-damage.ts";
import type { ForeignKind } from "./foreign-objects.ts";
import type { HostileWrite } from "./store.ts";

export type Step =
  | { readonly do: "store away" | "store hangs"; readonly forMs: number }
  | { readonly do: "partition" | "silence watch"; readonly host: number; readonly forMs: number }
  | { readonly do: "delay watch"; readonly host: number; readonly ms: number; readonly forMs: number }
  | { readonly do: "break watches" | "compact" | "back up" | "restore" | "rotate credentials" }
  | { readonly do: "expire" | "release"; readonly host: number }
  | {
      readonly do: "refuse operations";
      readonly host: number;
      readonly ops: readonly Operation["op"][];
      /** Of these operations, at random. */
      readonly percent: number;
      readonly forMs: number;
    }
  | { readonly do: "kernel unreadable" | "lose events"; readonly host: number; readonly forMs: number }
  | { readonly do: "late events"; readonly host: number; readonly ms: number; readonly forMs: number }
  | { readonly do: "damage"; readonly host: number; readonly what: Damage; readonly peer: number }
  | { readonly do: "foreign object"; readonly host: number; readonly what: ForeignKind }
  | { readonly do: "disk full" | "disk read-only"; readonly host: number; readonly forMs: number }
  | { readonly do: "udp fault"; readonly host: number; readonly what: UdpFault; readonly forMs: number }
  | { readonly do: "end udp thread"; readonly host: number }
  | { readonly do: "slow firewall"; readonly host: number; readonly ms: number; readonly forMs: number }
  /** @see Life.killAfter */
  | { readonly do: "kill"; readonly host: number; readonly afterSteps: number; readonly backMs: number }
  | { readonly do: "stop"; readonly host: number; readonly backMs: number }
  | { readonly do: "pause"; readonly host: number; readonly forMs: number }
  | {
      readonly do: "reboot";
      readonly host: number;
      readonly offMs: number;
      readonly keepsRunDirectory: boolean;
    }
  | { readonly do: "step clock"; readonly host: number; readonly ms: number }
  /** To one of the addresses that no other host has. */
  | { readonly do: "change address"; readonly host: number; readonly choice: number }
  | { readonly do: "interface down" | "cut cable"; readonly host: number; readonly forMs: number }
  | { readonly do: "configure"; readonly backend: number }
  | { readonly do: "configure badly"; readonly text: string }
  | { readonly do: "renumber"; readonly network: number }
  | { readonly do: "reserve"; readonly subnet: number; readonly ip: number }
  | { readonly do: "hostile write"; readonly author: number; readonly write: HostileWrite }
  | { readonly do: "hostile author leaves"; readonly author: number }
  /** All faults are lifted, and the cluster must come to rest. */
  | { readonly do: "quiet" };

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
