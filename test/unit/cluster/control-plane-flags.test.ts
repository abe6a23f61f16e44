import { describe, expect, test } from "vitest";
import { controlPlaneHost } from "../../cluster/address-plan.ts";
import { apiServerFlags, controllerManagerFlags, schedulerFlags } from "../../cluster/control-plane-flags.ts";
import type { Families } from "../../cluster/options.ts";

const pki = (name: string) => `/pki/${name}`;
const kubeconfig = (client: string) => `/pki/${client}.kubeconfig`;

describe("the API server", () => {
  const flags = (families: Families) => apiServerFlags(families, controlPlaneHost(families).ips, pki);

  test("authorises nodes and roles, and restricts what nodes change", () => {
    expect(flags("v4")).toEqual(
      expect.arrayContaining([
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--client-ca-file=/pki/ca.crt",
        "--kubelet-certificate-authority=/pki/ca.crt",
      ]),
    );
    expect(flags("v4").join()).not.toMatch(/disable-admission|anonymous|insecure/);
  });

  test.each([
    ["v4", "0.0.0.0", "198.18.0.2", "10.96.0.0/16"],
    ["v6", "::", "fd00:198:18::2", "fd00:10:96::/112"],
    ["dual", "::", "198.18.0.2", "10.96.0.0/16,fd00:10:96::/112"],
  ] as const)(
    "of %s listens, is advertised and gives out addresses",
    (families, listens, advertised, range) => {
      expect(flags(families)).toEqual(
        expect.arrayContaining([
          `--bind-address=${listens}`,
          `--advertise-address=${advertised}`,
          `--service-cluster-ip-range=${range}`,
        ]),
      );
    },
  );
});

test("the controller manager gives nodes their podCIDRs", () => {
  expect(controllerManagerFlags("dual", pki, kubeconfig)).toEqual(
    expect.arrayContaining(["--allocate-node-cidrs=true", "--cluster-cidr=10.244.0.0/16,fd00:10:244::/48"]),
  );
});

test("the scheduler has an identity of its own and elects nobody", () => {
  expect(schedulerFlags(kubeconfig)).toEqual(
    expect.arrayContaining(["--kubeconfig=/pki/kube-scheduler.kubeconfig", "--leader-elect=false"]),
  );
});
