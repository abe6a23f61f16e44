import { addressKind } from "../objects/address.ts";
import { blackholeKind } from "../objects/blackhole.ts";
import { fdbKind } from "../objects/fdb.ts";
import { neighbourKind } from "../objects/neighbour.ts";
import { routeKind } from "../objects/route.ts";
import { sysctlKind } from "../objects/sysctl.ts";
import { putGatewayRoutes } from "./gateway-stage.ts";
import {
  adjustLinks,
  createLinks,
  deleteConflictingAddresses,
  deleteIncompatibleLinks,
  deleteLinks,
  setLinksUp,
} from "./link-stages.ts";
import { put, removeSurplus } from "./object-stages.ts";
import { addressBlockedBy, fdbBlockedBy, neighbourBlockedBy, routeBlockedBy } from "./removal-order.ts";
import type { Stage } from "./stage.ts";

const addAddresses = put(addressKind);
const putFdb = put(fdbKind);
const putNeighbours = put(neighbourKind);
const putRoutes = put(routeKind);
const putBlackholes = put(blackholeKind);

/**
 * Make before break: a path is built from its far end to its near end, so that a route switches only to a complete
 * path; unused objects are removed in reverse order once everything new is in place.
 */
export const STAGES: readonly Stage[] = [
  deleteIncompatibleLinks,
  createLinks,
  adjustLinks,
  // accept_ra must be off before the device comes up and receives its first router advertisement.
  put(sysctlKind),
  deleteConflictingAddresses,
  addAddresses,
  setLinksUp,
  putFdb,
  putNeighbours,
  putGatewayRoutes,
  putRoutes,
  putBlackholes,
  removeSurplus(routeKind, routeBlockedBy),
  removeSurplus(blackholeKind, () => () => null),
  removeSurplus(neighbourKind, neighbourBlockedBy),
  removeSurplus(fdbKind, fdbBlockedBy),
  removeSurplus(addressKind, addressBlockedBy),
  deleteLinks,
];

/** In the order in which a path is built: the first missing object is the cause, later ones wait for it. */
export const BUILDING_STAGES: readonly Stage[] = [
  createLinks,
  addAddresses,
  setLinksUp,
  putFdb,
  putNeighbours,
  putRoutes,
  putBlackholes,
];
