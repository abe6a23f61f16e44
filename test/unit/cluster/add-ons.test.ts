import { expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { corednsManifest, networkPoliciesManifest } from "../../cluster/manifests/add-ons.ts";

const find = (manifest: string, kind: string) =>
  parseAllDocuments(manifest)
    .map((document) => document.toJS())
    .find((object) => object.kind === kind);

test.each(["10.96.0.10", "fd00:96::a"])("CoreDNS is the service at %s", async (address) => {
  expect(find(await corednsManifest(address), "Service").spec.clusterIP).toBe(address);
});

test.each([
  [["10.96.0.0/16"], true, false],
  [["fd00:96::/112"], false, true],
  [["10.96.0.0/16", "fd00:96::/112"], true, true],
])("kube-router enforces in the families of %j", async (ranges, hasIpv4, hasIpv6) => {
  const { args } = find(await networkPoliciesManifest(ranges), "DaemonSet").spec.template.spec.containers[0];
  expect(args).toEqual(
    expect.arrayContaining([
      `--enable-ipv4=${hasIpv4}`,
      `--enable-ipv6=${hasIpv6}`,
      `--service-cluster-ip-range=${ranges.join(",")}`,
    ]),
  );
});

test("images are those that the cluster was given", async () => {
  for (const [manifest, kind] of [
    [await corednsManifest("10.96.0.10"), "Deployment"],
    [await networkPoliciesManifest(["10.96.0.0/16"]), "DaemonSet"],
  ] as const) {
    const [container] = find(manifest, kind).spec.template.spec.containers;
    expect(container.imagePullPolicy).toBe("Never");
  }
});
