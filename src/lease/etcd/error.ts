/** Maps errors of etcd, gRPC and the network to the project's error. */
import { messageOf, TweedError } from "../../runtime/error.ts";

export type EtcdErrorCode =
  /** No answer, or etcd reports that it cannot serve requests now. */
  | "store-unavailable"
  | "store-auth"
  /** The token is invalid, as after a restart of etcd or a time without requests: log in again. */
  | "store-token-gone"
  /** The server has authentication switched off. */
  | "store-auth-off"
  /** The requested revision has been compacted: list again. */
  | "store-compacted"
  /** The answer exceeds the message limit of one side: request less. */
  | "store-answer-too-large"
  /** The etcd lease has expired or was revoked. */
  | "store-lease-gone";

// Matched by text, not by class: a bundler may rename classes, and etcd3 has none for compaction.
const MEANINGS: readonly (readonly [RegExp, EtcdErrorCode])[] = [
  [/required revision has been compacted/, "store-compacted"],
  // gRPC's text, of the receiving client and of the sending server.
  [/message larger than max/, "store-answer-too-large"],
  [/requested lease not found/, "store-lease-gone"],
  [/authentication is not enabled/, "store-auth-off"],
  // The last two are the texts of etcd 3.5 and of 3.4.
  [
    /invalid auth token|auth token is not valid|revision of auth store is old|revision in header is old/,
    "store-token-gone",
  ],
  [/authentication failed|user name is empty|permission denied|UNAUTHENTICATED/i, "store-auth"],
];

export function etcdError(operation: string, thrown: unknown): TweedError {
  if (thrown instanceof TweedError) return thrown;
  // gRPC breaks its messages over lines and ends them with a note that is mostly empty.
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

/** True when etcd refused the request for lack of a login, before it executed any of it. */
export function asksForLogin(error: TweedError): boolean {
  return error.code === "store-token-gone" || /user name is empty/.test(error.message);
}

/** True when etcd itself answered, so the connection works. */
export function isAnswer(error: TweedError): boolean {
  return ["store-compacted", "store-lease-gone", "store-answer-too-large"].includes(error.code);
}
