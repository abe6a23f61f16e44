import type { Clock } from "../../runtime/clock.ts";
import type { Log } from "../../runtime/log.ts";
import type { NodeNotes } from "./node-notes.ts";
import type { NodeReport } from "./node-report.ts";

/** Where a report goes that is logged, noted for the operator and shown in the status document. */
export interface ReportParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly notes: NodeNotes;
  readonly report: NodeReport;
}
