/** The readiness conditions of a node, each with its initial reason. */
export const NOT_READY_YET = {
  configuration: "there is no network configuration yet",
  interface: "no interface is chosen yet",
  lease: "the node holds no lease yet",
  kernel: "the kernel is not programmed yet",
  firewall: "the firewall rules are not written yet",
  subnetFile: "the subnet file is not written yet",
} as const;

/** A further condition, where the daemon writes the CNI configuration. */
export const CNI_NOT_READY_YET = { cni: "the CNI configuration is not written yet" } as const;

/** All initial reasons, in the order in which they are reported. @param effectors by condition */
export function notReadyYet(
  effectors: Readonly<Record<string, string>>,
  writesCni: boolean,
): Readonly<Record<string, string>> {
  const { configuration, interface: underlay, lease, kernel, ...others } = NOT_READY_YET;
  const before = { configuration, interface: underlay, lease, kernel };
  return { ...before, ...effectors, ...others, ...(writesCni ? CNI_NOT_READY_YET : {}) };
}

/** The conditions of the node itself; each effector has one of its own. */
export type ReadyCondition = keyof typeof NOT_READY_YET | keyof typeof CNI_NOT_READY_YET;
