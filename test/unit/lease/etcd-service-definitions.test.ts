/** The bundle's service definitions against those of @grpc/proto-loader, which etcd3 uses outside the bundle. */
import { createRequire } from "node:module";
import type { MethodDefinition, ServiceDefinition } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import protobuf from "protobufjs";
import { describe, expect, test } from "vitest";
import { fromJSON } from "../../../src/lease/etcd/service-definitions.ts";

const PROTO_FILE = createRequire(import.meta.url).resolve("etcd3/proto/rpc.proto");
/** As in etcd3's connection-pool.js. */
const OPTIONS = { keepCase: true, longs: String, enums: String, defaults: true, oneofs: true };

const ours = fromJSON(new protobuf.Root().loadSync(PROTO_FILE, { keepCase: true }).toJSON(), OPTIONS);
const theirs = Object.fromEntries(
  Object.entries(loadSync(PROTO_FILE, OPTIONS)).filter(([, definition]) => !("format" in definition)),
) as Record<string, ServiceDefinition>;

function method(definitions: Record<string, ServiceDefinition>, service: string, name: string) {
  const found = definitions[service]?.[name];
  if (found === undefined) throw new Error(`${service}.${name} is not defined`);
  return found as MethodDefinition<object, object>;
}

test("the same services with the same methods", () => {
  expect(Object.keys(ours).sort()).toEqual(Object.keys(theirs).sort());
  expect(Object.keys(ours)).toContain("etcdserverpb.KV");
  for (const [name, service] of Object.entries(theirs)) {
    expect(Object.keys(ours[name] ?? {}).sort()).toEqual(Object.keys(service).sort());
  }
});

describe.each(
  Object.entries(theirs).flatMap(([service, methods]) =>
    Object.keys(methods).map((name) => ({ service, name })),
  ),
)("$service.$name", ({ service, name }) => {
  test("is called the same way", () => {
    const { path, originalName, requestStream, responseStream } = method(theirs, service, name);
    expect(method(ours, service, name)).toMatchObject({ path, originalName, requestStream, responseStream });
  });

  test("an empty message reads the same, defaults and all", () => {
    const [mine, other] = [method(ours, service, name), method(theirs, service, name)];
    const nothing = Buffer.alloc(0);
    expect(mine.requestDeserialize(nothing)).toEqual(other.requestDeserialize(nothing));
    expect(mine.responseDeserialize(nothing)).toEqual(other.responseDeserialize(nothing));
  });
});

describe("messages that the store sends and gets", () => {
  const KEY = Buffer.from("/coreos.com/network/subnets/10.5.34.0-24");
  const requests: [string, string, object][] = [
    ["etcdserverpb.KV", "Range", { key: KEY, limit: 1000, revision: "9007199254740993" }],
    ["etcdserverpb.Lease", "LeaseGrant", { TTL: 86_400 }],
    ["etcdserverpb.Watch", "Watch", { create_request: { key: KEY, range_end: KEY, start_revision: "7" } }],
    [
      "etcdserverpb.KV",
      "Txn",
      {
        compare: [{ key: KEY, target: "Create", result: "Equal", create_revision: "0" }],
        success: [{ request_put: { key: KEY, value: Buffer.from("{}"), lease: "7587861231285799684" } }],
        failure: [{ request_range: { key: KEY } }],
      },
    ],
  ];
  test.each(requests)("request %s.%s", (service, name, message) => {
    const [mine, other] = [method(ours, service, name), method(theirs, service, name)];
    const bytes = mine.requestSerialize(message);
    expect(bytes).toEqual(other.requestSerialize(message));
    expect(mine.requestDeserialize(bytes)).toEqual(other.requestDeserialize(bytes));
  });

  const responses: [string, string, object][] = [
    [
      "etcdserverpb.KV",
      "Range",
      {
        header: { cluster_id: "14841639068965178418", revision: "12" },
        kvs: [{ key: KEY, value: Buffer.from("{}"), create_revision: "3", lease: "-1" }],
        more: true,
      },
    ],
    [
      "etcdserverpb.Watch",
      "Watch",
      { events: [{ type: "Delete", kv: { key: KEY } }], compact_revision: "5", canceled: true },
    ],
  ];
  test.each(responses)("response %s.%s", (service, name, message) => {
    const [mine, other] = [method(ours, service, name), method(theirs, service, name)];
    const bytes = other.responseSerialize(message);
    expect(mine.responseSerialize(message)).toEqual(bytes);
    expect(mine.responseDeserialize(bytes)).toEqual(other.responseDeserialize(bytes));
  });
});
