/** All checks in the order of execution: each leaves a cluster that the next one can use. */
import type { ClusterCheck } from "./check.ts";
import { INSTALLATION, OTHER_INSTALLATIONS, REINSTALLATION, RESTARTS } from "./daemons.ts";
import { API_SERVER_AWAY, PROGRAMS_RESTARTED, REBOOT, REGISTERED_ANEW } from "./node-events.ts";
import { POLICIES } from "./policies.ts";
import { MEMORY, PROBES } from "./resources.ts";
import { SWITCH_CHECKS } from "./switches.ts";
import { TOKEN } from "./token.ts";
import { API_SERVER, EVERY_WAY, NAMES } from "./ways-checks.ts";

export const CHECKS: readonly ClusterCheck[] = [
  INSTALLATION,
  EVERY_WAY,
  NAMES,
  API_SERVER,
  ...SWITCH_CHECKS,
  ...RESTARTS,
  REINSTALLATION,
  PROGRAMS_RESTARTED,
  ...API_SERVER_AWAY,
  ...OTHER_INSTALLATIONS,
  POLICIES,
  TOKEN,
  REGISTERED_ANEW,
  REBOOT,
  PROBES,
  MEMORY,
];
