/** What etcd, gRPC or the network said, as the project's error. */
import { messageOf, TweedError } from "../../runtime/error.ts";

export type EtcdErrorCode =
  /** Nobody answered, or the answer was that nothing can be answered now. */
  | "store-unavailable"
  | "store-auth"
  /** The token is no longer known, as after a restart of etcd or a time without requests: log in again. */
  | "store-token-gone"
  /** The server has no authentication to log in to. */
  | "store-auth-off"
  /** The revision asked for is no longer kept: list again. */
  | "store-compacted"
  /** The answer is larger than one side handles: ask for less. */
  | "store-answer-too-large"
  /** The etcd lease has expired or was revoked. */
  | "store-lease-gone";

// By text, not by class: a bundler may rename classes, and etcd3 has none for compaction.
const MEANINGS: readonly (readonly [RegExp, EtcdErrorCode])[] = [
  [/required revision has been compacted/, "store-compacted"],
  // gRPC's own words, of the client that would receive it and of the server that would send it.
  [/message larger than max/, "store-answer-too-large"],
  [/requested lease not found/, "store-lease-gone"],
  [/authentication is not enabled/, "store-auth-off"],
  // The last two in the words of etcd 3.5 and of 3.4.
  [
    /invalid auth token|auth token is not valid|revision of auth store is old|revision in header is old/,
    "store-token-gone",
  ],
  [/authentication failed|user name is empty|permission denied|UNAUTHENTICATED/i, "store-auth"],
];

export function etcdError(operation: string, thrown: unknown): TweedError {
  if (thrown instanceof TweedError) return thrown;
  // gRPC breaks its messages over lines, and ends them in a note that is mostly empty.
  const reason = messageOf(thrown)
    .replace(/\s+/g, " ")
    .replace(/ Resolution note: ?$/, "");
  const code = MEANINGS.find(([pattern]) => pattern.test(reason))?.[1] ?? "store-unavailable";
  return new TweedError({
    code,
    operation,
    reason: code === "store-auth" ? `${reason}; check --etcd-username and what its roles allow` : reason,
    retryable: ["store-unavailable", "store-auth", "store-token-gone"].includes(code),
    cause: thrown,
  });
}

export function isEtcdError(thrown: unknown, code: EtcdErrorCode): boolean {
  return thrown instanceof TweedError && thrown.code === code;
}

/** True when the request was refused for want of a login, before any of it was carried out. */
export function asksForLogin(error: TweedError): boolean {
  return error.code === "store-token-gone" || /user name is empty/.test(error.message);
}

/** True when the server itself answered and the connection is worth keeping. */
export function isAnswer(error: TweedError): boolean {
  return ["store-compacted", "store-lease-gone", "store-answer-too-large"].includes(error.code);
}
