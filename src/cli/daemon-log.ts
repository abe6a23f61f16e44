import { pino } from "pino";
import type { Log } from "../runtime/log.ts";

/** JSON lines on standard error, where flannel logs; written at once, so that none is lost with the process. */
export function daemonLog(level: "info" | "debug"): Log {
  const logger = pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ fd: 2, sync: true }),
  );
  return logger as unknown as Log;
}
