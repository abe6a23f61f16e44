import { expect, test } from "vitest";
import { staleEndpoints } from "../../cluster/diagnosis.ts";

test("an endpoint is stale when no pod has its address; the API server's are no pod's", () => {
  const slices = {
    items: [
      { metadata: { name: "kubernetes" }, endpoints: [{ addresses: ["192.0.2.1"] }] },
      { metadata: { name: "web-1" }, endpoints: [{ addresses: ["10.0.0.1"] }, { addresses: ["10.0.0.2"] }] },
      { metadata: { name: "web-2" }, endpoints: null },
    ],
  };
  const pods = { items: [{ status: { podIPs: [{ ip: "10.0.0.1" }] } }, { status: {} }] };
  expect(staleEndpoints(slices, pods)).toEqual(["web-1 has endpoints of no pod: 10.0.0.2"]);
});
