/** The host's addresses and routes may change at any time: by DHCP, by an operator, with the cable. */
import type { DaemonOptions } from "../../config/daemon-options.ts";
import type { ObservedState } from "../../kernel/observed.ts";
import { messageOf } from "../../runtime/error.ts";
import { Latest } from "../../runtime/latest.ts";
import type { Configuration } from "../configuration/configuration.ts";
import { checkHost } from "../switch-over/active-backend.ts";
import { type FoundHost, refreshHost, type Surroundings } from "./host.ts";
import type { InterfaceMemory } from "./interface-memory.ts";
import type { InterfaceReport } from "./interface-report.ts";

export interface FollowHostParts extends Pick<Surroundings, "kernel" | "log"> {
  readonly options: Pick<DaemonOptions, "underlay">;
}

export class HostFollower {
  readonly #parts: FollowHostParts;
  readonly #memory: InterfaceMemory;
  readonly #report: InterfaceReport;
  readonly #observed = new Latest<ObservedState>();
  #found: FoundHost;

  constructor(found: FoundHost, memory: InterfaceMemory, report: InterfaceReport, parts: FollowHostParts) {
    this.#found = found;
    this.#memory = memory;
    this.#report = report;
    this.#parts = parts;
  }

  get found(): FoundHost {
    return this.#found;
  }

  /** The kernel as it is now. */
  observe(observed: ObservedState): void {
    this.#observed.put(observed);
  }

  /** @param onChange called when interface, addresses or routes have changed */
  async run(
    inForce: () => Pick<Configuration, "config" | "backend">,
    onChange: () => void,
    signal: AbortSignal,
  ): Promise<never> {
    const { options } = this.#parts;
    this.#report.found(this.#found);
    for (;;) {
      const observed = await this.#observed.take(signal);
      try {
        const found = await refreshHost(
          this.#found,
          inForce(),
          options.underlay,
          observed,
          this.#parts,
          this.#memory,
        );
        // A host on which the backend cannot work does not replace the last known one.
        checkHost(inForce().backend, found.host);
        const isNew = found !== this.#found;
        this.#found = found;
        this.#report.found(found);
        if (isNew) onChange();
      } catch (error) {
        this.#report.unusable(messageOf(error));
      }
    }
  }
}
