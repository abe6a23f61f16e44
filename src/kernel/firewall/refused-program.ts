/** Errors from the output of nft and iptables. */
import { TweedError } from "../../runtime/error.ts";
import type { ProgramResult } from "../../runtime/program.ts";

/** RESOURCE_PROBLEM of iptables: another program has the lock, or the kernel was busy. */
const IPTABLES_BUSY = 4;

/** nft puts the position in the script before its message, and quotes the script after it; neither helps a reader. */
export function nftRefusal({ stderr, exitCode }: ProgramResult): TweedError {
  const line = stderr.split("\n").find((each) => each.includes("Error:"));
  const reason = line?.replace(/^.*?Error: /, "") ?? stderr.trim();
  return new TweedError({
    code: "nft-refused",
    operation: "write tables of nftables",
    reason: reason || `nft ended with exit code ${exitCode}`,
    retryable: true,
  });
}

export function iptablesRefusal(program: string, { stderr, exitCode }: ProgramResult): TweedError {
  const isLocked = exitCode === IPTABLES_BUSY && stderr.includes("lock");
  return new TweedError({
    code: isLocked ? "iptables-locked" : "iptables-refused",
    operation: `run ${program}`,
    reason: stderr.trim().split("\n").join("; ") || `exit code ${exitCode}`,
    retryable: true,
  });
}
