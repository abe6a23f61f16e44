/** Requests to an etcd while its authentication is switched on and off, and what it answered: to compare two of them. */
import type { IWatchResponse } from "etcd3";
import type { ClientOptions } from "../../../src/lease/etcd/client.ts";
import { messageOf } from "../../../src/runtime/error.ts";
import { plain } from "./plain-answer.ts";
import { renewOnce } from "./renew-once.ts";
import type { Until } from "./request-script.ts";
import type { SimulatedClient } from "./simulated-client.ts";

export interface Administrator {
  /** The user may read and write below "/permitted/". */
  addUser(name: string, password: string): Promise<void>;
  changePassword(name: string, password: string): Promise<void>;
  setEnabled(isEnabled: boolean): Promise<void>;
}

export interface Access {
  readonly administrator: Administrator;
  readonly connect: (auth: ClientOptions["auth"]) => Promise<SimulatedClient>;
  readonly until: Until;
}

const INSIDE = Buffer.from("/permitted/a");
const OUTSIDE = Buffer.from("/other/a");

export async function accessTranscript({
  administrator,
  connect,
  until,
}: Access): Promise<readonly unknown[]> {
  const transcript: unknown[] = [];
  const record = async (name: string, work: () => Promise<unknown>) => {
    const outcome = await work().then(plain, (error: unknown) => messageOf(error));
    transcript.push({ name, outcome });
  };
  const user = (password: string) => ({
    username: "user",
    password,
    onLogin: (isAuthOn: boolean) => transcript.push({ isAuthOn }),
  });
  const everything = async (who: string, client: SimulatedClient) => {
    const { kv, leaseClient } = client;
    for (const key of [INSIDE, OUTSIDE]) {
      const about = (what: string) => `${who}: ${what} ${key}`;
      await record(about("range"), () => kv.range({ key }));
      await record(about("put"), () => kv.put({ key, value: key }));
      await record(about("delete"), () => kv.deleteRange({ key: Buffer.concat([key, key]) }));
      const compare = [{ key, target: "Version", result: "Equal", version: 99 } as const];
      await record(about("compare"), () => kv.txn({ compare }));
      await record(about("txn"), () =>
        kv.txn({ compare: [], success: [], failure: [{ request_range: { key } }] }),
      );
      await record(about("watch"), () => firstResponse(client, key, until));
    }
    await record(`${who}: range over the border`, () =>
      kv.range({ key: INSIDE, range_end: Buffer.from("/q") }),
    );
    await record(`${who}: grant`, () => leaseClient.leaseGrant({ ID: "77", TTL: 100_000 }));
    await record(`${who}: put with lease`, () => kv.put({ key: INSIDE, value: INSIDE, lease: "77" }));
    await record(`${who}: renew`, () => renewOnce(client, "77"));
    await record(`${who}: revoke`, () => leaseClient.leaseRevoke({ ID: "77" }));
  };
  await everything("nobody, before", await connect(user("one")));
  await administrator.addUser("user", "one");
  await administrator.setEnabled(true);
  await everything("anonymous", await connect(null));
  await record("wrong password", () => connect(user("two")));
  const loggedIn = await connect(user("one"));
  await everything("user", loggedIn);
  await administrator.changePassword("user", "two");
  await everything("token that is invalid", loggedIn);
  await everything("user again", await connect(user("two")));
  await administrator.setEnabled(false);
  await everything("token, without authentication", loggedIn);
  await everything("nobody, after", await connect(user("two")));
  return transcript;
}

async function firstResponse(client: SimulatedClient, key: Buffer, until: Until): Promise<unknown> {
  const stream = await client.watchClient.watch();
  const seen: unknown[] = [];
  stream
    .on("data", (response: IWatchResponse) => seen.push(response))
    .on("error", (error: Error) => seen.push(error.message));
  stream.write({ create_request: { key } });
  await until(() => seen.length > 0);
  stream.end();
  stream.cancel();
  return seen[0];
}
