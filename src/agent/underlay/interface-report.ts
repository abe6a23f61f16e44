import type { Contested } from "../../lease/uniqueness.ts";
import type { Log } from "../../runtime/log.ts";
import { isSameData } from "../../runtime/same-data.ts";
import type { ReadyCondition } from "../reports/node-readiness.ts";
import type { Readiness } from "../reports/readiness.ts";
import type { FoundHost } from "./host.ts";

/** Reports to readiness and the log whether this node's interface and addresses are usable. */
export class InterfaceReport {
  readonly #readiness: Readiness<ReadyCondition>;
  readonly #log: Log;
  /** Why families are skipped; empty when none is. */
  #missing: readonly string[] = [];
  /** Why peers refuse this node's address; empty when they accept it. */
  #contested: readonly string[] = [];

  constructor({
    readiness,
    log,
  }: {
    readonly readiness: Readiness<ReadyCondition>;
    readonly log: Log;
  }) {
    this.#readiness = readiness;
    this.#log = log;
  }

  found({ missingFamilies }: FoundHost): void {
    this.#missing = missingFamilies;
    this.#reportReadiness();
  }

  /** Old addresses may disappear before new ones appear: what is in force stays until a replacement is found. */
  unusable(reason: string): void {
    this.#log.warn(
      { op: "choose-interface", reason },
      "interface unusable, its last known state stays in force",
    );
    this.#readiness.fails("interface", reason);
  }

  /** Peers send to the older of two nodes with one address, and refuse the younger. */
  contested(contested: readonly Contested[]): void {
    const reasons = contested
      .filter(({ code, isTheirs }) => code === "duplicate-public-ip" && isTheirs)
      .map(({ by, value }) => `lease ${by} publishes this node's address ${value} and is older`);
    if (isSameData(reasons, this.#contested)) return;
    this.#contested = reasons;
    this.#reportReadiness();
    const fields = { op: "choose-interface", code: "duplicate-public-ip", reason: this.#fault() };
    if (reasons.length > 0) this.#log.warn(fields, "another node has this address");
  }

  #reportReadiness(): void {
    this.#readiness.report("interface", this.#fault());
  }

  #fault(): string | null {
    const advice =
      "give each node an address of its own with --iface or --public-ip, or, if that node is gone for good, delete its lease";
    const contested = this.#contested.map((reason) => `${reason}; ${advice}`);
    return [...this.#missing, ...contested].join("; ") || null;
  }
}
