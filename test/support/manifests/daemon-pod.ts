/** The daemon's pod and its container, as a DaemonSet describes them. */
import type { V1Container, V1PodSpec } from "@kubernetes/client-node";
import { type KubeObject, onlyOf } from "./objects.ts";

type Described<T, K extends keyof T> = T & { readonly [key in K]-?: NonNullable<T[key]> };
export type DaemonPod = Described<V1PodSpec, "volumes">;
export type DaemonContainer = Described<
  V1Container,
  "args" | "env" | "image" | "securityContext" | "volumeMounts"
>;

export function daemonPod(objects: readonly KubeObject[]): DaemonPod {
  const { template } = onlyOf(objects, "DaemonSet").spec as unknown as {
    readonly template: { spec: DaemonPod };
  };
  return template.spec;
}

/** @throws Error when there is not exactly one */
export function daemonContainer(objects: readonly KubeObject[]): DaemonContainer {
  const [container, ...others] = daemonPod(objects).containers;
  if (container === undefined || others.length > 0) throw new Error("the pod has not exactly one container");
  return container as DaemonContainer;
}

export function networkConfigText(objects: readonly KubeObject[]): string {
  const { data } = onlyOf(objects, "ConfigMap") as unknown as {
    readonly data: Readonly<Record<string, string>>;
  };
  return data["net-conf.json"] ?? "";
}
