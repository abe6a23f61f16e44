import { leadToGateways } from "./gateway-stage.ts";
import {
  addAddresses,
  adjustLinks,
  clearNames,
  createLinks,
  deleteAddresses,
  raiseLinks,
  vacateAddresses,
  writeSysctls,
} from "./link-stages.ts";
import { putBlackholes, putFdb, putNeighbours, putRoutes } from "./path-stages.ts";
import {
  deleteBlackholes,
  deleteFdb,
  deleteLinks,
  deleteNeighbours,
  deleteRoutes,
} from "./removal-stages.ts";
import type { Stage } from "./stage.ts";

/**
 * Make before break: a path is built from its far end to its near end, so that a route turns only to what is
 * complete, and what is no longer used is taken down in reverse once everything new stands.
 */
export const STAGES: readonly Stage[] = [
  clearNames,
  createLinks,
  adjustLinks,
  // accept_ra must be off before the device comes up and hears its first router advertisement.
  writeSysctls,
  vacateAddresses,
  addAddresses,
  raiseLinks,
  putFdb,
  putNeighbours,
  leadToGateways,
  putRoutes,
  putBlackholes,
  deleteRoutes,
  deleteBlackholes,
  deleteNeighbours,
  deleteFdb,
  deleteAddresses,
  deleteLinks,
];
