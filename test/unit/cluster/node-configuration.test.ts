import { describe, expect, test } from "vitest";
import { nodeHost } from "../../cluster/address-plan.ts";
import { containerdConfig } from "../../cluster/containerd-config.ts";
import { kubeProxyConfig } from "../../cluster/kube-proxy-config.ts";
import { kubeconfig } from "../../cluster/kubeconfig.ts";
import { kubeletConfig, kubeletFlags } from "../../cluster/kubelet-config.ts";
import { KERNEL_SETTINGS, nodeMounts } from "../../cluster/node-mounts.ts";

describe("kubelet", () => {
  const settings = { families: "dual", cgroup: "/tw-1/node1" } as const;

  test("asks the API server who may do what, and lets nobody else in", () => {
    expect(kubeletConfig(settings)).toMatchObject({
      authentication: { anonymous: { enabled: false }, webhook: { enabled: true } },
      authorization: { mode: "Webhook" },
    });
  });

  test("keeps to its own cgroup, in either version of cgroups", () => {
    expect(kubeletConfig(settings)).toMatchObject({
      cgroupRoot: "/tw-1/node1",
      cgroupDriver: "cgroupfs",
      failCgroupV1: false,
    });
  });

  test.each([
    ["v4", "0.0.0.0", "10.96.0.10"],
    ["v6", "::", "fd00:10:96::a"],
    ["dual", "::", "10.96.0.10"],
  ] as const)("of %s listens on, and hands pods the name server", (families, address, server) => {
    expect(kubeletConfig({ ...settings, families })).toMatchObject({ address, clusterDNS: [server] });
  });

  test("registers with the addresses of all its families", () => {
    expect(kubeletFlags(nodeHost("dual", 1))).toContain("--node-ip=198.18.1.1,fd00:198:18::1:1");
    expect(kubeletFlags(nodeHost("v6", 1))).toContain("--node-ip=fd00:198:18::1:1");
  });
});

test("kube-proxy leaves the kernel's connection table as it is", () => {
  expect(kubeProxyConfig({ families: "dual", proxy: "nftables", nodeName: "node1" })).toMatchObject({
    mode: "nftables",
    clusterCIDR: "10.244.0.0/16,fd00:10:244::/48",
    conntrack: { maxPerCore: 0, min: 0 },
  });
});

test("containerd starts sandboxes from the image that is loaded, and as the kernel lets it", () => {
  const config = containerdConfig("registry.k8s.io/pause:3.10.1");
  expect(config).toContain('sandbox_image = "registry.k8s.io/pause:3.10.1"');
  expect(config).toContain("restrict_oom_score_adj = true");
});

test("a kubeconfig holds keys and certificates itself", () => {
  const parts = {
    server: "https://[fd00::2]:6443",
    user: "admin",
    authority: "A",
    certificate: "C",
    key: "K",
  };
  expect(JSON.parse(kubeconfig(parts))).toMatchObject({
    clusters: [{ cluster: { server: "https://[fd00::2]:6443", "certificate-authority-data": "QQ==" } }],
    users: [{ user: { "client-certificate-data": "Qw==", "client-key-data": "Sw==" } }],
  });
});

describe("mounts of a node", () => {
  const lines = nodeMounts({ disk: "/tmp/my disk/node1", programs: "/cache/bin" }).trimEnd().split("\n");
  const targets = lines.map((line) => line.split(" ")[1]);

  test("each has the six fields of fstab, whatever blanks the path of the disk has", () => {
    expect(lines.map((line) => line.split(" ").length)).toEqual(lines.map(() => 6));
    expect(lines).toContain("/tmp/my\\040disk/node1/var/lib /var/lib none bind,X-mount.mkdir,shared 0 0");
  });

  test("/run and /tmp come last, as sources may lie below the host's", () => {
    expect(targets.slice(-2)).toEqual(["/run", "/tmp"]);
  });

  test("cover every setting of the whole kernel that a kubelet would write", () => {
    for (const setting of Object.keys(KERNEL_SETTINGS)) expect(targets).toContain(`/proc/sys/${setting}`);
  });
});
