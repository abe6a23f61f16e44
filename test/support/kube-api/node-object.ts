/** Node objects as a kubelet makes them, of realistic size: labels, managed fields, conditions, images. */
import type { JsonObject } from "../../../src/runtime/json.ts";

export interface NodeFields {
  readonly podCidrs?: readonly string[];
  readonly annotations?: Readonly<Record<string, string>>;
  readonly createdAt?: string;
}

export function nodeObject(
  name: string,
  { podCidrs = [], annotations = {}, createdAt }: NodeFields = {},
): JsonObject {
  return {
    kind: "Node",
    apiVersion: "v1",
    metadata: {
      name,
      ...(createdAt === undefined ? {} : { creationTimestamp: createdAt }),
      labels: { "kubernetes.io/hostname": name, "kubernetes.io/os": "linux" },
      annotations: { "node.alpha.kubernetes.io/ttl": "0", ...annotations },
    },
    spec: podCidrs.length === 0 ? {} : { podCIDR: podCidrs[0] ?? "", podCIDRs: podCidrs },
    status: { conditions: [condition("Ready", "True", "KubeletReady")] },
  };
}

/** About 10 KB as JSON. */
export function largeNodeObject(name: string, fields: NodeFields = {}): JsonObject {
  const node = nodeObject(name, fields);
  const images = Array.from({ length: 50 }, (_, index) => ({
    names: [
      `registry.k8s.io/team-${index}/service@sha256:${String(index).padStart(64, "a")}`,
      `registry.k8s.io/team-${index}/service:v1.${index}.0`,
    ],
    sizeBytes: 10_000_000 + index,
  }));
  const status = {
    capacity: { cpu: "8", memory: "32Gi", pods: "110", "ephemeral-storage": "100Gi" },
    allocatable: { cpu: "7910m", memory: "29Gi", pods: "110", "ephemeral-storage": "90Gi" },
    conditions: ["MemoryPressure", "DiskPressure", "PIDPressure", "Ready"].map((type) =>
      condition(type, type === "Ready" ? "True" : "False", `Kubelet${type}`),
    ),
    addresses: [{ type: "Hostname", address: name }],
    nodeInfo: { kernelVersion: "6.8.0", osImage: "Linux", containerRuntimeVersion: "containerd://2.1.0" },
    images,
  };
  const fieldsV1 = Object.fromEntries(
    Array.from({ length: 40 }, (_, index) => [`f:field-${index}`, { ".": {} }]),
  );
  const managedFields = [{ manager: "kubelet", operation: "Update", apiVersion: "v1", fieldsV1 }];
  return { ...node, metadata: { ...(node.metadata as JsonObject), managedFields }, status };
}

function condition(type: string, status: string, reason: string): JsonObject {
  const time = "2026-11-01T00:00:00Z";
  return { type, status, reason, message: "", lastHeartbeatTime: time, lastTransitionTime: time };
}
