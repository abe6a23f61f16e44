/** What the gRPC library would write to standard error by itself; its failures reach this daemon as errors besides. */
import type { Log } from "../../runtime/log.ts";

type Logger = Pick<Console, "error" | "info" | "debug">;

/** Of all lines alike, as `GRPC_VERBOSITY` and `GRPC_TRACE` decide which there are. */
export function grpcLogger(log: Log): Logger {
  const say = (...parts: readonly unknown[]) => {
    log.debug({ op: "grpc", reason: parts.map(String).join(" ") }, "message of the gRPC library");
  };
  return { error: say, info: say, debug: say };
}
