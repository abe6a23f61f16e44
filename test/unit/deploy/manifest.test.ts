/** The plain manifest and the kustomizations beside it: what they hold, and that a cluster would take it. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import { describe, expect, it } from "vitest";
import packageJson from "../../../package.json" with { type: "json" };
import { activateBackend } from "../../../src/agent/switch-over/active-backend.ts";
import { readCommandLine } from "../../../src/config/daemon-options.ts";
import { parseNetworkConfig } from "../../../src/config/network-config.ts";
import { daemonContainer, daemonPod, networkConfigText } from "../../support/manifests/daemon-pod.ts";
import { kubectlKustomize, kustomize } from "../../support/manifests/kustomize.ts";
import {
  nameOf,
  onlyOf,
  parseObjects,
  readDeployFile,
  sortedObjects,
} from "../../support/manifests/objects.ts";
import { schemaFaults } from "../../support/manifests/schema.ts";

const DEPLOY = new URL("../../../deploy/", import.meta.url);
const OVERLAYS = ["vxlan", "host-gw", "udp", "ipip"] as const;

const text = await readDeployFile("kube-tweed.yml");
const manifest = parseObjects(text);
const overlays = await Promise.all(
  OVERLAYS.map(async (backend) => {
    const objects = await kustomize(new URL(`kustomize/overlays/${backend}/`, DEPLOY));
    return { backend, objects };
  }),
);
const all = [{ backend: "vxlan", objects: manifest }, ...overlays];

describe("kube-tweed.yml", () => {
  it("is what npm run deploy:manifest prints", () => {
    const script = fileURLToPath(new URL("print-manifest.mjs", DEPLOY));
    expect(execFileSync(process.execPath, [script], { encoding: "utf8" })).toBe(text);
  });

  it("has its namespace and what all else refers to first", () => {
    expect(manifest.map(({ kind }) => kind)).toEqual([
      "Namespace",
      "ServiceAccount",
      "ClusterRole",
      "ClusterRoleBinding",
      "Role",
      "RoleBinding",
      "ValidatingAdmissionPolicy",
      "ValidatingAdmissionPolicyBinding",
      "ConfigMap",
      "DaemonSet",
    ]);
  });

  it("puts everything into that namespace that belongs into one", () => {
    const { name } = onlyOf(manifest, "Namespace").metadata;
    for (const kind of ["ServiceAccount", "ConfigMap", "DaemonSet"]) {
      expect(onlyOf(manifest, kind).metadata.namespace).toBe(name);
    }
    for (const kind of ["ClusterRoleBinding", "RoleBinding"]) {
      const subjects = onlyOf(manifest, kind).subjects;
      expect(subjects).toEqual([{ kind: "ServiceAccount", name: "kube-tweed", namespace: name }]);
    }
  });

  it("asks for the version that this is", () => {
    expect(daemonContainer(manifest).image).toMatch(new RegExp(`:${packageJson.version}$`));
  });
});

describe.each(all)("the objects for $backend", ({ backend, objects }) => {
  it("have the fields that Kubernetes knows, and all that it requires", () => {
    expect(objects.flatMap((object) => schemaFaults(object))).toEqual([]);
  });

  it("configure a network that the daemon takes", () => {
    const config = activateBackend(parseNetworkConfig(networkConfigText(objects), "net-conf.json"));
    expect(config.type).toBe(backend);
  });

  it("start the daemon with flags that it takes, and tell it its node", () => {
    const { args, env } = daemonContainer(objects);
    const environment = Object.fromEntries(env.map(({ name }) => [name, "worker-1"]));
    const line = readCommandLine(args.slice(1), environment);
    if (line.kind !== "run") throw new Error(`the daemon would not run: ${line.kind}`);
    const node = { kind: "node", name: "worker-1" };
    expect(line.options.store).toMatchObject({ kind: "kubernetes", node });
    expect(line.warnings).toEqual([]);
  });

  it("give the daemon two capabilities and nothing else to do harm with", () => {
    const pod = daemonPod(objects);
    expect(pod.hostPID ?? false).toBe(false);
    expect(pod.hostIPC ?? false).toBe(false);
    expect(pod.securityContext).toEqual({ seccompProfile: { type: "RuntimeDefault" } });
    expect(daemonContainer(objects).securityContext).toEqual({
      privileged: false,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      runAsUser: 0,
      runAsGroup: 0,
      capabilities: { drop: ["ALL"], add: ["NET_ADMIN", "NET_RAW"] },
    });
  });

  it("show the daemon the host's TUN device, whether the host has one or not, and let it make no other", () => {
    const mount = daemonContainer(objects).volumeMounts.find(({ mountPath }) => mountPath === "/dev/net");
    const volume = daemonPod(objects).volumes.find(({ name }) => name === mount?.name);
    expect(mount?.readOnly).toBe(true);
    expect(volume?.hostPath).toEqual({ path: "/dev/net", type: "DirectoryOrCreate" });
  });

  it("mount every volume that there is, and none that is not", () => {
    const mounted = daemonContainer(objects).volumeMounts.map(({ name }) => name);
    expect(mounted.sort()).toEqual(
      daemonPod(objects)
        .volumes.map(({ name }) => name)
        .sort(),
    );
  });
});

describe("cleanup.yml", async () => {
  const objects = parseObjects(await readDeployFile("cleanup.yml"));
  const [cleanup] = daemonPod(objects).initContainers ?? [];

  it("has the fields that Kubernetes knows, and all that it requires", () => {
    expect(objects.flatMap(schemaFaults)).toEqual([]);
  });

  it("runs the same image, as confined as the daemon, where the daemon ran", () => {
    const { image, securityContext } = daemonContainer(manifest);
    expect(cleanup).toMatchObject({ image, securityContext, args: ["cleanup"] });
    expect(daemonContainer(objects).image).toBe(image);
    expect(onlyOf(objects, "DaemonSet").metadata.namespace).toBe(onlyOf(manifest, "Namespace").metadata.name);
    expect(daemonPod(objects)).toMatchObject({ hostNetwork: true, affinity: daemonPod(manifest).affinity });
  });
});

describe("the kustomization for vxlan", () => {
  it("is the manifest", () => {
    expect(overlays[0]?.objects).toEqual(manifest);
  });
});

const kubectl = await kubectlKustomize();
const builders = [
  { builder: "this test", build: kustomize },
  ...(kubectl === null ? [] : [{ builder: "kubectl", build: kubectl }]),
];

describe.each(builders)("the overlays, built by $builder,", ({ build }) => {
  it.each(overlays)("for $backend, differ from the manifest in the ConfigMap alone", async ({ backend }) => {
    const objects = await build(new URL(`kustomize/overlays/${backend}/`, DEPLOY));
    const differing = sortedObjects(objects)
      .filter((object, index) => !isDeepStrictEqual(object, sortedObjects(manifest)[index]))
      .map(nameOf);
    const config = "ConfigMap kube-tweed-cfg";
    const expected = { vxlan: [], "host-gw": [config], udp: [config], ipip: [config] };
    expect(differing).toEqual(expected[backend]);
    expect(objects).toHaveLength(manifest.length);
    expect(JSON.parse(networkConfigText(objects))).toMatchObject({
      ...JSON.parse(networkConfigText(manifest)),
      Backend: { Type: backend },
    });
  });
});

describe("the check of fields", () => {
  const config = onlyOf(manifest, "ConfigMap");
  const daemonSet = onlyOf(manifest, "DaemonSet");

  it.each([
    ["an unknown kind", { ...config, kind: "ConfigMop" }, "v1 ConfigMop is not known"],
    ["an unknown field", { ...config, daat: {} }, "ConfigMap has no field daat"],
    ["a wrong type", { ...config, immutable: "yes" }, "ConfigMap.immutable is no boolean"],
    ["a list in place of an object", { ...config, data: [] }, "ConfigMap.data is no object"],
    ["a number in place of a string", { ...config, data: { a: 1 } }, "ConfigMap.data.a is no string"],
    ["a missing field", { ...daemonSet, spec: { selector: {} } }, "DaemonSet.spec.template is missing"],
  ])("finds %s", (_what, object, fault) => {
    expect(schemaFaults(object)).toEqual([fault]);
  });
});
