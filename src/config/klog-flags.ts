/**
 * Flags of the Go logging library klog, which command lines for flannel use. All of our logs go to stderr, one
 * JSON object to a line, so only `-v` has an effect; the others are accepted and ignored.
 */
import { booleanFlag, integerFlag, stringFlag } from "./flag.ts";

const INERT = "accepted for compatibility with klog, has no effect";

export const KLOG_FLAGS = {
  v: integerFlag({ min: -1000, max: 1000 }, 0, "log verbosity: 1 and more adds debug lines"),
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
