/**
 * Flags of the Go logging library klog, which flannel's users have on their command lines. All of our logs go
 * to stderr, one JSON object to a line, so only `-v` has an effect; the others are taken and do nothing.
 */
import { booleanFlag, integerFlag, stringFlag } from "./flag.ts";

const INERT = "accepted for klog's sake, has no effect";

export const KLOG_FLAGS = {
  v: integerFlag(
    { min: -1000, max: 1000 },
    0,
    "log verbosity: 1 and more logs what helps to find a fault",
  ),
  vmodule: stringFlag("", INERT),
  log_backtrace_at: stringFlag("", INERT),
  logtostderr: booleanFlag(true, INERT),
  alsologtostderr: booleanFlag(false, INERT),
  stderrthreshold: stringFlag("", INERT),
  log_dir: stringFlag("", INERT),
  log_file: stringFlag("", INERT),
  log_file_max_size: stringFlag("", INERT),
  one_output: booleanFlag(false, INERT),
  add_dir_header: booleanFlag(false, INERT),
  skip_headers: booleanFlag(false, INERT),
  skip_log_headers: booleanFlag(false, INERT),
};
