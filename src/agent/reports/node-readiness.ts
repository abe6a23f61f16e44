/** What has to hold before a node is ready, each with the reason why it does not at the start. */
export const NOT_READY_YET = {
  configuration: "there is no network configuration yet",
  interface: "no interface is chosen yet",
  lease: "the node holds no lease yet",
  kernel: "the kernel is not programmed yet",
  firewall: "the firewall rules are not written yet",
  subnetFile: "the subnet file is not written yet",
} as const;

/** The same, where the CNI configuration is the daemon's to write. */
export const CNI_NOT_READY_YET = { cni: "the CNI configuration is not written yet" } as const;

/** What counts from the start, in the order in which it is reported. @param effectors theirs, each under its own name */
export function notReadyYet(
  effectors: Readonly<Record<string, string>>,
  writesCni: boolean,
): Readonly<Record<string, string>> {
  const { configuration, interface: underlay, lease, kernel, ...others } = NOT_READY_YET;
  const before = { configuration, interface: underlay, lease, kernel };
  return { ...before, ...effectors, ...others, ...(writesCni ? CNI_NOT_READY_YET : {}) };
}

/** Those of the node itself; an effector has one of its own. */
export type ReadyCondition = keyof typeof NOT_READY_YET | keyof typeof CNI_NOT_READY_YET;
