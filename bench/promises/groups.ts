import { apiServer } from "./api-server.ts";
import { configuration } from "./configuration.ts";
import { demo } from "./demo.ts";
import { departure } from "./departure.ts";
import type { PromiseGroup } from "./group.ts";
import { healthListener } from "./health-listener.ts";
import { lease, manyPeers } from "./lease.ts";
import { readiness } from "./readiness.ts";
import { repair } from "./repair.ts";
import { restart } from "./restart.ts";
import { rules } from "./rules.ts";
import { scale } from "./scale.ts";
import { start } from "./start.ts";
import { store } from "./store.ts";
import { storeTrouble } from "./store-trouble.ts";
import { switches } from "./switch.ts";
import { udp } from "./udp.ts";
import { udpWorkers } from "./udp-workers.ts";

/** In the order of measurement and report. */
export const GROUPS: readonly PromiseGroup[] = [
  repair,
  rules,
  restart,
  switches,
  start,
  readiness,
  lease,
  departure,
  configuration,
  store,
  storeTrouble,
  apiServer,
  udp,
  udpWorkers,
  healthListener,
  scale,
  manyPeers,
  demo,
];
