import { expect, test } from "vitest";
import { controlPlaneHost, nodeHost } from "../../cluster/address-plan.ts";
import {
  apiServerRequest,
  CLIENTS,
  extensionsOf,
  kubeletRequest,
  subjectOf,
} from "../../cluster/certificate-requests.ts";

test("a kubelet is the user and the group that the node authorizer knows, and serves its node's addresses", () => {
  const request = kubeletRequest(nodeHost("dual", 2));
  expect(subjectOf(request)).toBe("/O=system:nodes/CN=system:node:node2");
  expect(extensionsOf(request)).toBe(
    "extendedKeyUsage=serverAuth,clientAuth\nsubjectAltName=DNS:node2,IP:198.18.1.2,IP:fd00:198:18::1:2\n",
  );
});

test("the API server serves its addresses, and in both families the service by every name of it", () => {
  expect(apiServerRequest("dual", controlPlaneHost("dual").ips).serves).toEqual([
    "DNS:kubernetes",
    "DNS:kubernetes.default",
    "DNS:kubernetes.default.svc",
    "DNS:kubernetes.default.svc.cluster.local",
    "DNS:localhost",
    "IP:10.96.0.1",
    "IP:fd00:10:96::1",
    "IP:198.18.0.2",
    "IP:fd00:198:18::2",
    "IP:127.0.0.1",
  ]);
});

test("clients only are no servers, and one of them alone is an administrator", () => {
  expect(CLIENTS.map(extensionsOf)).toEqual(CLIENTS.map(() => "extendedKeyUsage=clientAuth\n"));
  const administrators = CLIENTS.filter(({ group }) => group === "system:masters").map(({ file }) => file);
  expect(administrators).toEqual(["admin"]);
});
