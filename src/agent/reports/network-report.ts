/** Reports plans and kernel passes: changes to the log, everything to the status document. */
import type { ReconcileStatus } from "../../kernel/reconcile/status.ts";
import type { DualPrefix } from "../../net/index.ts";
import type { Log } from "../../runtime/log.ts";
import type { NetworkPlan } from "../network-plan.ts";
import { PathLog } from "../switch-over/path-log.ts";
import type { NodeReport } from "./node-report.ts";
import { obstructedPeers } from "./obstructed-peers.ts";
import { ObstructionLog } from "./obstruction-log.ts";
import { RejectionLog } from "./rejection-log.ts";

export class NetworkReport {
  readonly #report: NodeReport;
  readonly #rejections: RejectionLog;
  readonly #paths: PathLog;
  readonly #obstructions: ObstructionLog;
  #peers: NetworkPlan["peers"] = [];

  constructor({ report, log }: { readonly report: NodeReport; readonly log: Log }) {
    this.#report = report;
    this.#rejections = new RejectionLog(log);
    this.#paths = new PathLog(log);
    this.#obstructions = new ObstructionLog(log);
  }

  planned(plan: NetworkPlan): void {
    this.#rejections.report(plan);
    this.#paths.report(plan.paths);
    this.#report.planned(plan);
    this.#peers = plan.peers;
  }

  /** @param own this node's subnets, while it has a lease */
  passed(status: ReconcileStatus, own: DualPrefix | null): void {
    const obstructed = obstructedPeers(this.#peers, own, status);
    this.#report.obstructed(obstructed);
    this.#obstructions.report(obstructed);
  }
}
