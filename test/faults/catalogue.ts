/** All faults. */
import { DAEMON_FAULTS } from "./daemon-faults.ts";
import type { Fault } from "./fault.ts";
import { FILE_FAULTS } from "./file-faults.ts";
import { KERNEL_FAULTS } from "./kernel-faults.ts";
import { STORE_FAULTS } from "./store-faults.ts";
import { UNDERLAY_FAULTS } from "./underlay-faults.ts";
import { CLOCK_FAULTS } from "./wall-clock.ts";

export const FAULTS: readonly Fault[] = [
  ...DAEMON_FAULTS,
  ...FILE_FAULTS,
  ...CLOCK_FAULTS,
  ...STORE_FAULTS,
  ...UNDERLAY_FAULTS,
  ...KERNEL_FAULTS,
];
