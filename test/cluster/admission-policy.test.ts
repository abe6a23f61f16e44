/**
 * The shipped admission policy on a real API server, tested row by row with a token as the kubelet gets it for a
 * daemon's pod.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isJsonObject, type JsonObject } from "../../src/runtime/json.ts";
import { eventually } from "../support/eventually.ts";
import type { ApiRequest } from "../support/kube-api/api-request.ts";
import {
  type AdmissionRow,
  ALLOWED,
  annotate,
  NODE_NAME,
  OF_NODE,
  PREFIX,
  REFUSED,
  REFUSED_USERS,
} from "../support/manifests/admission-rows.ts";
import { onlyOf } from "../support/manifests/objects.ts";
import { pathOf } from "../support/manifests/resource-paths.ts";
import { PolicedCluster } from "./policed-cluster.ts";

const NODE_PATH = `/api/v1/nodes/${NODE_NAME}`;
const STATUS_PATH = `${NODE_PATH}/status`;
const PUBLISH = annotate({ [`${PREFIX}backend-type`]: "udp" });

let cluster: PolicedCluster;
let token: string;
beforeAll(async () => {
  const assets = process.env.KUBEBUILDER_ASSETS ?? "";
  if (assets === "")
    throw new Error("there are no programs: set KUBEBUILDER_ASSETS, or npm run test:stores:real");
  cluster = await PolicedCluster.start(assets);
  token = await cluster.daemonToken(NODE_NAME);
  // A policy takes effect shortly after its creation.
  await eventually(async () => (await publish(await cluster.daemonToken(null))).status).toBe(403);
  await cluster.letDaemonsPatchNodes();
  await eventually(async () => (await cluster.ask(token, patch(NODE_PATH, PUBLISH))).status).toBe(200);
});
afterAll(() => cluster?.stop());

const patch = (
  path: string,
  body: JsonObject,
  type = "application/strategic-merge-patch+json",
): ApiRequest => ({
  method: "PATCH",
  path,
  body,
  type,
});
const publish = (as: string) => cluster.ask(as, patch(STATUS_PATH, PUBLISH));

/** Creates the node in the state before the row's change, and sends the change as the node's daemon. */
async function attempt({ from, change, conditions }: AdmissionRow, path: string) {
  await cluster.admin("DELETE", NODE_PATH);
  const before = await cluster.admin("POST", "/api/v1/nodes", from);
  const request =
    conditions === undefined
      ? patch(path, change)
      : patch(path, { status: { conditions: [...conditions] } }, "application/merge-patch+json");
  const { status, text } = await cluster.ask(token, request);
  const { message = "" } = JSON.parse(text) as JsonObject;
  return { before, status, message: String(message), after: await cluster.admin("GET", NODE_PATH) };
}

const isOfStatus = ({ change, conditions }: AdmissionRow) =>
  conditions !== undefined || change.status !== undefined;
const isOfSpec = ({ change }: AdmissionRow) => change.spec !== undefined;
const titled = <Row extends AdmissionRow>(rows: readonly Row[]) =>
  rows.map((row) => [row.title, row] as const);

describe("a daemon may", () => {
  test.each(titled(ALLOWED))("%s", async (_title, row) => {
    expect(await attempt(row, STATUS_PATH)).toMatchObject({ status: 200 });
  });
});

describe("a daemon may not, through the status of its node,", () => {
  test.each(titled(REFUSED.filter((row) => !isOfSpec(row))))("%s", async (_title, row) => {
    const { status, message, before, after } = await attempt(row, STATUS_PATH);
    expect(message).toContain(row.message);
    expect(status).toBe(403);
    expect(after).toEqual(before);
  });

  test.each(titled(REFUSED.filter(isOfSpec)))("%s: the server leaves it out", async (_title, row) => {
    const { before, after } = await attempt(row, STATUS_PATH);
    expect(after).toEqual(before);
  });
});

describe("a daemon may not, where it may patch the node itself,", () => {
  test.each(titled(REFUSED.filter((row) => !isOfStatus(row))))("%s", async (_title, row) => {
    const { status, message, before, after } = await attempt(row, NODE_PATH);
    expect(message).toContain(row.message);
    expect(status).toBe(403);
    expect(after).toEqual(before);
  });

  test.each(titled(REFUSED.filter(isOfStatus)))("%s: the server leaves it out", async (_title, row) => {
    const { before, after } = await attempt(row, NODE_PATH);
    expect(after).toEqual(before);
  });
});

describe("who may not publish on a node", () => {
  test("is the daemon of another one", async () => {
    const other = await publish(await cluster.daemonToken("worker-2"));
    expect([other.status, other.text]).toEqual([403, expect.stringContaining(OF_NODE)]);
  });

  test("is who has the daemon's account, and no pod", async () => {
    const other = await publish(await cluster.daemonToken(null));
    expect([other.status, other.text]).toEqual([403, expect.stringContaining(OF_NODE)]);
  });

  test.each(REFUSED_USERS.map((row) => [row.title, row] as const))(
    "is who would %s",
    async (_title, { extra }) => {
      const { status, text } = await cluster.impersonating(extra, patch(STATUS_PATH, PUBLISH));
      expect([status, text]).toEqual([403, expect.stringContaining(OF_NODE)]);
    },
  );
});

test("the server finds nothing to say of the types in the policy's expressions", async () => {
  const policy = onlyOf(cluster.objects, "ValidatingAdmissionPolicy");
  const path = `${pathOf(policy)}/${policy.metadata.name}`;
  const read = async () => {
    cluster.checkControllers();
    const { status, metadata } = await cluster.admin("GET", path);
    const { observedGeneration, typeChecking } = isJsonObject(status ?? null) ? (status as JsonObject) : {};
    const { generation } = metadata as JsonObject;
    return observedGeneration === generation ? { typeChecking } : null;
  };
  await eventually(read).toEqual({ typeChecking: {} });
});
