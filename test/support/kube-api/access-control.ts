/** Which requests an API server takes: known tokens, their roles, and a refusal of everything. */
import { type Reply, replyWith, statusText } from "./exchange.ts";
import { ANONYMOUS, forbiddenTo, type Role } from "./permission.ts";

export interface Refusal {
  readonly status: number;
  /** In seconds, as in the header. */
  readonly retryAfter?: string;
}

export class AccessControl {
  /** Accepted tokens. */
  readonly tokens = new Set<string>();
  /** Restricted roles, by token. */
  readonly roles = new Map<string, Role>();
  /** Answers every request with this instead. */
  refusal: Refusal | null = null;

  /** Replies to a request that may not pass. @returns whether it did */
  refuses(token: string, method: string, url: string, reply: Reply): boolean {
    const isKnown = this.tokens.has(token) || token === "";
    const refusal = this.refusal ?? (isKnown ? null : { status: 401 });
    if (refusal !== null) {
      refuse(reply, refusal);
      return true;
    }
    const role = token === "" ? ANONYMOUS : this.roles.get(token);
    const forbidden = role === undefined ? null : forbiddenTo(role, method, url);
    if (forbidden !== null) replyWith(reply, forbidden.code, forbidden.text);
    return forbidden !== null;
  }
}

const REASONS: Readonly<Record<number, string>> = {
  401: "Unauthorized",
  429: "TooManyRequests",
  503: "ServiceUnavailable",
};

export function refuse(reply: Reply, { status, retryAfter }: Refusal): void {
  const reason = REASONS[status] ?? "InternalError";
  const headers: Record<string, string> = retryAfter === undefined ? {} : { "retry-after": retryAfter };
  replyWith(reply, status, statusText(status, reason, reason), headers);
}
