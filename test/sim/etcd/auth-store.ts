/** Users, passwords and tokens. Model of auth/store.go and auth/simple_token.go of etcd 3.4. */
import { covers, type KeySpan } from "./key-span.ts";
import { ETCD_ERRORS } from "./rpc-error.ts";

interface User {
  readonly password: string;
  /** What it may read and write; "all" for root. */
  readonly permission: KeySpan | "all";
}

/** The user of a request; "anonymous" sends no token, "unchecked" is everybody while authentication is off. */
export type Caller = { readonly user: string } | "anonymous" | "unchecked";

/** A simple token that nobody uses becomes invalid. */
const TOKEN_TTL_MS = 300_000;

/** Users are on disk, tokens in memory only. */
export class AuthStore {
  #isEnabled = false;
  readonly #users = new Map<string, User>();
  readonly #tokens = new Map<string, { readonly user: string; validUntilMs: number }>();
  #issued = 0;

  get isEnabled(): boolean {
    return this.#isEnabled;
  }

  /** What is on disk. */
  copy(): AuthStore {
    const copy = new AuthStore();
    copy.#isEnabled = this.#isEnabled;
    for (const [name, user] of this.#users) copy.#users.set(name, user);
    // Tokens stay unique over restarts: an old one must not be valid by accident.
    copy.#issued = this.#issued;
    return copy;
  }

  setEnabled(isEnabled: boolean): void {
    this.#isEnabled = isEnabled;
    this.#tokens.clear();
  }

  /** Adds a user or changes it; its tokens become invalid. */
  setUser(name: string, user: User): void {
    this.#users.set(name, user);
    this.#invalidate(name);
  }

  deleteUser(name: string): void {
    this.#users.delete(name);
    this.#invalidate(name);
  }

  invalidateAllTokens(): void {
    this.#tokens.clear();
  }

  /** @returns a token; @throws RpcError */
  logIn(name: string, password: string, nowMs: number): string {
    if (!this.#isEnabled) throw ETCD_ERRORS.authNotEnabled();
    if (this.#users.get(name)?.password !== password) throw ETCD_ERRORS.authFailed();
    const token = `token.${++this.#issued}`;
    this.#tokens.set(token, { user: name, validUntilMs: nowMs + TOKEN_TTL_MS });
    return token;
  }

  /** @throws RpcError for a token that is not valid */
  callerOf(token: string | null, nowMs: number): Caller {
    // A token is looked up also while authentication is off, when none is valid.
    if (token === null) return this.#isEnabled ? "anonymous" : "unchecked";
    const found = this.#tokens.get(token);
    if (found === undefined || found.validUntilMs <= nowMs) throw ETCD_ERRORS.invalidToken();
    found.validUntilMs = nowMs + TOKEN_TTL_MS;
    return { user: found.user };
  }

  /** @throws RpcError when the caller may not read and write these keys */
  check(caller: Caller, span: KeySpan): void {
    if (caller === "unchecked") return;
    if (caller === "anonymous") throw ETCD_ERRORS.noUser();
    const permission = this.#users.get(caller.user)?.permission;
    if (permission === undefined || (permission !== "all" && !covers(permission, span)))
      throw ETCD_ERRORS.permissionDenied();
  }

  #invalidate(name: string): void {
    for (const [token, { user }] of this.#tokens) if (user === name) this.#tokens.delete(token);
  }
}
