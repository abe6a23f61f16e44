import { NodeClock, SimulatedTime } from "./simulated-time.ts";

/** Time that runs by itself, for one node: see {@link SimulatedTime}. */
export class VirtualClock extends NodeClock {
  constructor() {
    super(new SimulatedTime());
  }
}
