import { pino } from "pino";
import { systemClock } from "../runtime/clock.ts";
import { LimitedLog } from "../runtime/limited-log.ts";
import type { Log } from "../runtime/log.ts";
import { LogOutput } from "./log-output.ts";

const STANDARD_ERROR = 2;

/** JSON lines on standard error, as flannel logs. Logging never throws, even when that stream fails. */
export function daemonLog(level: "info" | "debug", fd = STANDARD_ERROR): Log {
  const logger = pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    new LogOutput(fd, describeLoss),
  );
  return new LimitedLog(logger as unknown as Log, systemClock);
}

function describeLoss(count: number, code: string): string {
  const time = new Date(systemClock.wallMs()).toISOString();
  return `${JSON.stringify({ level: 40, time, op: "log", code, count, msg: "log lines lost" })}\n`;
}
