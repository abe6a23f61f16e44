import type { Clock } from "../../runtime/clock.ts";
import type { SwitchOverEffect } from "./effect.ts";
import type { OnChannel, SwitchOverEvent } from "./event.ts";
import { reduce } from "./reducer.ts";
import type { SwitchOver } from "./state.ts";

/** Holds the state of the switch-over. Handles one event after the other: reduces it, then carries out its effects. */
export class SwitchOverMachine<B extends OnChannel> {
  readonly #clock: Clock;
  readonly #carryOut: (effect: SwitchOverEffect<B>) => void;
  readonly #events: SwitchOverEvent<B>[] = [];
  #state: SwitchOver<B>;
  #isBusy = false;

  /** @param carryOut may itself dispatch events, which are handled after the current one */
  constructor(state: SwitchOver<B>, clock: Clock, carryOut: (effect: SwitchOverEffect<B>) => void) {
    this.#state = state;
    this.#clock = clock;
    this.#carryOut = carryOut;
  }

  get state(): SwitchOver<B> {
    return this.#state;
  }

  dispatch(event: SwitchOverEvent<B>): void {
    this.#events.push(event);
    if (this.#isBusy) return;
    this.#isBusy = true;
    try {
      for (let next = this.#events.shift(); next !== undefined; next = this.#events.shift()) {
        const { state, effects } = reduce(this.#state, next, this.#clock.nowMs());
        this.#state = state;
        for (const effect of effects) this.#carryOut(effect);
      }
    } finally {
      this.#isBusy = false;
    }
  }
}
