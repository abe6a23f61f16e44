/** Routes to our log what the gRPC library would write to stderr; its failures also reach this daemon as errors. */
import type { Log } from "../../runtime/log.ts";

type Logger = Pick<Console, "error" | "info" | "debug">;

/** One level for all lines: `GRPC_VERBOSITY` and `GRPC_TRACE` select them. */
export function grpcLogger(log: Log): Logger {
  const say = (...parts: readonly unknown[]) => {
    log.debug({ op: "grpc", reason: parts.map(String).join(" ") }, "gRPC library message");
  };
  return { error: say, info: say, debug: say };
}
