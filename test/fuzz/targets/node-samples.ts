/** Node objects as the API server sends them, shortened. */

export const OWN_NAME = "node1";
const P = "flannel.alpha.coreos.com/";

function node(
  name: string,
  annotations: Readonly<Record<string, string>>,
  podCIDRs: readonly string[],
): object {
  return {
    kind: "Node",
    apiVersion: "v1",
    metadata: {
      name,
      uid: `7d3f1f0e-0000-0000-0000-00000000000${name.at(-1)}`,
      resourceVersion: "1042",
      creationTimestamp: "2026-01-02T03:04:05Z",
      labels: { "kubernetes.io/hostname": name, 'a"b\\c': "[{" },
      annotations: { "node.alpha.kubernetes.io/ttl": "0", ...annotations },
      managedFields: [{ manager: "kubelet", fieldsV1: { "f:status": {} } }],
    },
    spec: { podCIDR: podCIDRs[0], podCIDRs, taints: null },
    status: {
      conditions: [
        { type: "Ready", status: "True", reason: "KubeletReady", message: "kubelet is posting ready status" },
        { type: "NetworkUnavailable", status: "False", reason: "FlannelIsUp" },
      ],
      addresses: [
        { type: "InternalIP", address: "198.18.1.7" },
        { type: "InternalIP", address: "fd00:198:18::107" },
        { type: "Hostname", address: name },
      ],
    },
  };
}

const VXLAN = {
  [`${P}kube-subnet-manager`]: "true",
  [`${P}backend-type`]: "vxlan",
  [`${P}backend-data`]: '{"VNI":1,"VtepMAC":"0e:52:a1:00:00:07"}',
  [`${P}backend-v6-data`]: '{"VNI":1,"VtepMAC":"0e:52:a1:00:06:07"}',
  [`${P}public-ip`]: "198.18.1.7",
  [`${P}public-ipv6`]: "fd00:198:18::107",
};

const NODES: readonly object[] = [
  node("node1", { ...VXLAN, [`${P}public-ip-overwrite`]: "203.0.113.1" }, [
    "10.244.1.0/24",
    "fd00:10:244:1::/64",
  ]),
  node("node7", VXLAN, ["10.244.7.0/24", "fd00:10:244:7::/64"]),
  node(
    "node8",
    {
      [`${P}kube-subnet-manager`]: "true",
      [`${P}backend-type`]: "",
      [`${P}backend-data`]: "null",
      [`${P}public-ip`]: "198.18.1.8",
      [`${P}public-ip-overwrite`]: "203.0.113.8",
      [`${P}tweed-offers`]: '[{"BackendType":"host-gw"}]',
      [`${P}tweed-data`]: '{"v4":{"DirectRouting":true},"sources":["10.0.2.15"]}',
      [`${P}node-public-ip`]: "203.0.113.9",
    },
    ["10.244.8.0/24"],
  ),
  node("node9", {}, []),
];

export const NODE_LIST = JSON.stringify({
  kind: "NodeList",
  apiVersion: "v1",
  metadata: { resourceVersion: "1040", continue: "" },
  items: NODES,
});

export const WATCH_LINES: readonly string[] = [
  ...["ADDED", "MODIFIED", "DELETED"].map((type, index) => JSON.stringify({ type, object: NODES[index] })),
  '{"type":"BOOKMARK","object":{"kind":"Node","apiVersion":"v1","metadata":{"resourceVersion":"1050"}}}',
  '{"type":"ERROR","object":{"kind":"Status","metadata":{},"status":"Failure","message":"too old resource version: 1 (2)","reason":"Expired","code":410}}',
  JSON.stringify({ object: NODES[0], type: "MODIFIED" }),
];

export const NODE_WORDS: readonly string[] = [
  ...[
    "type",
    "object",
    "ADDED",
    "MODIFIED",
    "DELETED",
    "BOOKMARK",
    "ERROR",
    "metadata",
    "name",
    "node1",
    "node7",
  ],
  ...[
    "annotations",
    "creationTimestamp",
    "resourceVersion",
    "uid",
    "spec",
    "podCIDR",
    "podCIDRs",
    "status",
    "items",
  ],
  ...[
    "conditions",
    "addresses",
    "address",
    "InternalIP",
    "NetworkUnavailable",
    "reason",
    "continue",
    "code",
    "410",
  ],
  ...Object.keys(VXLAN),
  ...["tweed-offers", "tweed-data", "public-ip-overwrite", "public-ipv6-overwrite", "node-public-ip"].map(
    (name) => P + name,
  ),
  ...[
    "10.244.7.0/24",
    "10.244.0.0/16",
    "fd00:10:244:7::/64",
    "10.244.1.0/24",
    "198.18.1.1",
    "true",
    '{"type":"',
    "\n",
  ],
];
