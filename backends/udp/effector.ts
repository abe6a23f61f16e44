import { join } from "node:path";
import type { Effector, EffectorKind } from "../effector.ts";
import { UdpDataplane } from "./dataplane.ts";
import type { UdpForwarding } from "./forwarding.ts";
import { FORWARDING_FILE, SavedForwarding } from "./saved-forwarding.ts";

const WORKER_SCRIPT = "udp-worker.cjs";

export const udpEffector: EffectorKind = {
  files: [FORWARDING_FILE],
  create({ directory, programDirectory, udp, ...surroundings }): Effector<UdpForwarding> {
    const saved = new SavedForwarding(join(directory, FORWARDING_FILE), surroundings);
    return new UdpDataplane(udp, surroundings, { script: join(programDirectory, WORKER_SCRIPT), saved });
  },
};
