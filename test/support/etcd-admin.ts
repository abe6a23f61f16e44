/**
 * Changes of an etcd's users, over its JSON gateway: gRPC clients of one process share connections, and with them the
 * back-off after a failure.
 */
const ROOT = { name: "root", password: "root-password" };

const base64 = (text: string) => Buffer.from(text).toString("base64");

export class EtcdAdmin {
  readonly #endpoint: string;
  #isEnabled = false;

  constructor(endpoint: string) {
    this.#endpoint = endpoint;
  }

  /** With a role that permits only what a daemon does under the default prefix. */
  async addUser(name: string, password: string, prefix = "/coreos.com/network"): Promise<void> {
    const perm = { permType: "READWRITE", key: base64(`${prefix}/`), range_end: base64(`${prefix}0`) };
    await this.#post("auth/user/add", { name, password });
    await this.#post("auth/role/add", { name }).catch(() => undefined);
    await this.#post("auth/role/grant", { name, perm });
    await this.#post("auth/user/grant", { user: name, role: name });
  }

  deleteUser(name: string): Promise<unknown> {
    return this.#post("auth/user/delete", { name });
  }

  changePassword(name: string, password: string): Promise<unknown> {
    return this.#post("auth/user/changepw", { name, password });
  }

  async enable(): Promise<void> {
    if (this.#isEnabled) return;
    await this.#post("auth/user/add", ROOT).catch(() => undefined);
    await this.#post("auth/role/add", { name: "root" }).catch(() => undefined);
    await this.#post("auth/user/grant", { user: "root", role: "root" });
    await this.#post("auth/enable", {});
    this.#isEnabled = true;
  }

  async disable(): Promise<void> {
    if (this.#isEnabled) await this.#post("auth/disable", {});
    this.#isEnabled = false;
  }

  put(key: string, value: string): Promise<unknown> {
    return this.#post("kv/put", { key: base64(key), value: base64(value) });
  }

  async #post(path: string, body: object): Promise<unknown> {
    const headers: Record<string, string> = {};
    if (this.#isEnabled) {
      const { token } = (await this.#send("auth/authenticate", ROOT, {})) as { readonly token: string };
      headers.authorization = token;
    }
    return this.#send(path, body, headers);
  }

  async #send(path: string, body: object, headers: Record<string, string>): Promise<unknown> {
    const sent = { method: "POST", body: JSON.stringify(body), headers };
    const response = await fetch(`${this.#endpoint}/v3/${path}`, sent);
    const text = await response.text();
    if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
    return JSON.parse(text);
  }
}
