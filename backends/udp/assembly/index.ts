/** The functions that TypeScript calls; ../fast-path.ts describes each. */
export { bind, setOffloads } from "./lane";
export { egressBegin, egressPass } from "./egress";
export { ingressBegin, ingressPass } from "./ingress";
export { prepareReceive } from "./receive";
export { splitMessages } from "./messages";
export { unjoinWrite } from "./writes";
export {
  beginDraft,
  commitDraft,
  draftHost,
  draftLength,
  draftOwnMask,
  draftOwnNetwork,
  draftRemote,
  draftRoute,
  draftSource,
  draftTun,
} from "./forwarding-table";

// For measurements and tests of one step.
export { sum, fold } from "./checksum";
export { probeRoutes } from "./probe";
