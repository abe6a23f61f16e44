/** The API path at which an object of a manifest is created. */
import type { KubeObject } from "./objects.ts";

/** Resources by kind, as in paths of the API. */
const RESOURCES: Readonly<Record<string, string>> = {
  Namespace: "namespaces",
  ServiceAccount: "serviceaccounts",
  ClusterRole: "clusterroles",
  ClusterRoleBinding: "clusterrolebindings",
  Role: "roles",
  RoleBinding: "rolebindings",
  ValidatingAdmissionPolicy: "validatingadmissionpolicies",
  ValidatingAdmissionPolicyBinding: "validatingadmissionpolicybindings",
  ConfigMap: "configmaps",
  DaemonSet: "daemonsets",
};

export function pathOf({ apiVersion, kind, metadata }: KubeObject): string {
  const root = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const namespace = metadata.namespace === undefined ? "" : `/namespaces/${metadata.namespace}`;
  const resource = RESOURCES[kind];
  if (resource === undefined) throw new Error(`which resource is a ${kind}?`);
  return `${root}${namespace}/${resource}`;
}
