/**
 * The bearer token of a user that names a file for it. The client library would read the file itself: synchronously,
 * and at intervals of the wall clock.
 */
import type { RequestOptions } from "node:https";
import type { KubeConfig } from "@kubernetes/client-node/dist/config.js";
import type { User } from "@kubernetes/client-node/dist/config_types.js";
import type { Clock } from "../../runtime/clock.ts";
import { type Files, readText } from "../../runtime/files.ts";

/** A service account's token has about 1 KB. */
const MAX_BYTES = 64 * 1024;
/** As in client-go: rotated tokens overlap for much longer. */
const READ_AGAIN_MS = 60_000;
/** The name of our auth provider. */
const NAME = "tweed-token-file";

/** The user with its token in that file, for a config with {@link TokenFiles}. */
export function withTokenFile(user: User, tokenFile: string): User {
  return { ...user, authProvider: { name: NAME, config: { path: tokenFile } } };
}

type Authenticator = Parameters<KubeConfig["addAuthenticator"]>[0];

export class TokenFiles implements Authenticator {
  readonly #files: Files;
  readonly #clock: Clock;
  #known: { readonly token: string; readonly readAtMs: number } | null = null;

  constructor(files: Files, clock: Clock) {
    this.#files = files;
    this.#clock = clock;
  }

  isAuthProvider({ authProvider }: User): boolean {
    return authProvider?.name === NAME;
  }

  async applyAuthentication({ authProvider }: User, options: RequestOptions): Promise<void> {
    const nowMs = this.#clock.nowMs();
    if (this.#known === null || nowMs - this.#known.readAtMs > READ_AGAIN_MS) {
      const { path } = authProvider.config as { readonly path: string };
      this.#known = { token: await readText(this.#files, path, MAX_BYTES), readAtMs: nowMs };
    }
    options.headers = { ...options.headers, Authorization: `Bearer ${this.#known.token}` };
  }
}
