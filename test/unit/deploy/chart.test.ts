/** The chart: with its own values it makes the objects of the manifest, and with others what they say. */
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Ajv } from "ajv";
import { describe, expect, it } from "vitest";
import packageJson from "../../../package.json" with { type: "json" };
import { type DaemonOptions, readCommandLine } from "../../../src/config/daemon-options.ts";
import { parseNetworkConfig } from "../../../src/config/network-config.ts";
import { findPrograms } from "../../../src/kernel/firewall/programs.ts";
import type { JsonObject } from "../../../src/runtime/json.ts";
import { overlaid, readChart, renderChart } from "../../support/helm/chart.ts";
import { parseTemplate } from "../../support/helm/syntax.ts";
import { daemonContainer, daemonPod, networkConfigText } from "../../support/manifests/daemon-pod.ts";
import { kustomize } from "../../support/manifests/kustomize.ts";
import {
  type KubeObject,
  onlyOf,
  parseObjects,
  readDeployFile,
  sortedObjects,
} from "../../support/manifests/objects.ts";
import { schemaFaults } from "../../support/manifests/schema.ts";

const DIRECTORY = new URL("../../../deploy/chart/tweed/", import.meta.url);
const NAMESPACE = "kube-tweed";
const chart = await readChart(DIRECTORY);
const validate = new Ajv({ allErrors: true, strict: false }).compile(
  JSON.parse(await readDeployFile("chart/tweed/values.schema.json")),
);

type Render = (values: JsonObject, namespace?: string) => Promise<readonly KubeObject[]>;

const render: Render = async (values, namespace = NAMESPACE) =>
  [...renderChart(chart, namespace, values)]
    .filter(([name]) => name.endsWith(".yaml"))
    .flatMap(([, text]) => parseObjects(text));

const renderByHelm: Render = async (values, namespace = NAMESPACE) => {
  const directory = await mkdtemp(join(tmpdir(), "tw-helm-"));
  try {
    const file = join(directory, "values.json");
    await writeFile(file, JSON.stringify(values));
    const args = [
      "template",
      "tweed",
      fileURLToPath(DIRECTORY),
      `--namespace=${namespace}`,
      `--values=${file}`,
    ];
    const { stdout } = await promisify(execFile)("helm", [...args, "--kube-version=1.34.0"]);
    return parseObjects(stdout);
  } finally {
    await rm(directory, { recursive: true });
  }
};

const hasHelm = (await findPrograms(["helm"], process.env.PATH ?? "")).has("helm");
const renderers = [
  { renderer: "this test", render },
  ...(hasHelm ? [{ renderer: "helm", render: renderByHelm }] : []),
];

/** Helm makes no namespace out of a chart; the notes say what it needs. */
const withoutNamespace = (objects: readonly KubeObject[]) =>
  sortedObjects(objects.filter(({ kind }) => kind !== "Namespace"));

describe.each(renderers)("rendered by $renderer, the chart", ({ render }) => {
  it("makes the objects of the manifest", async () => {
    const manifest = parseObjects(await readDeployFile("kube-tweed.yml"));
    expect(sortedObjects(await render({}))).toEqual(withoutNamespace(manifest));
  });

  it.each(["vxlan", "host-gw", "udp", "ipip"])("makes those of the overlay for %s", async (backend) => {
    const overlay = await kustomize(new URL(`../../kustomize/overlays/${backend}/`, DIRECTORY));
    expect(sortedObjects(await render({ flannel: { backend } }))).toEqual(withoutNamespace(overlay));
  });
});

describe("the chart's objects", () => {
  it("are in the namespace of the release, and the policy speaks of its account", async () => {
    const objects = await render({}, "elsewhere");
    expect(JSON.stringify(objects)).not.toContain("kube-tweed:kube-tweed");
    for (const kind of ["ServiceAccount", "ConfigMap", "DaemonSet"]) {
      expect(onlyOf(objects, kind).metadata.namespace).toBe("elsewhere");
    }
    expect(JSON.stringify(onlyOf(objects, "ValidatingAdmissionPolicy"))).toContain(
      "system:serviceaccount:elsewhere:kube-tweed",
    );
  });

  it.each([
    ["IPv4 and IPv6", { podCidrv6: "fd00:10:244::/48" }, { v4: "10.244.0.0/16", v6: "fd00:10:244::/48" }],
    ["IPv6 only", { podCidr: "", podCidrv6: "fd00:10:244::/48" }, { v4: null, v6: "fd00:10:244::/48" }],
  ])("configure %s", async (_what, values, networks) => {
    const config = parseNetworkConfig(networkConfigText(await render(values)), "net-conf.json");
    expect({ v4: config.v4?.network ?? null, v6: config.v6?.network ?? null }).toEqual(networks);
  });

  it.each<readonly [string, JsonObject, JsonObject]>([
    [
      "vxlan",
      { backendPort: 4789, vni: 16777215, mtu: 9000, GBP: true, directRouting: true },
      { Port: 4789, VNI: 16777215, MTU: 9000, GBP: true, DirectRouting: true },
    ],
    ["udp", { backendPort: 8286 }, { Port: 8286 }],
    ["udp", { backendPort: 0 }, {}],
    ["ipip", { directRouting: true }, { DirectRouting: true }],
  ])("hand the options of %s on: %o", async (backend, options, expected) => {
    const values = { flannel: { backend, ...options } };
    expect(validate(overlaid(chart.values, values)), JSON.stringify(validate.errors)).toBe(true);
    const { Backend } = JSON.parse(networkConfigText(await render(values)));
    expect(Backend).toEqual({ Type: backend, ...expected });
  });

  const elsewhere = { flannel: { healthz: { port: 0 }, skipCNIConfigInstallation: true } };

  it("have neither probes nor a port without a health port", async () => {
    const container = daemonContainer(await render(elsewhere));
    for (const field of ["ports", "startupProbe", "livenessProbe", "readinessProbe"]) {
      expect(container).not.toHaveProperty(field);
    }
    expect(container.args.join(" ")).not.toContain("healthz");
  });

  it("see nothing of the host's CNI configuration where somebody else writes that", async () => {
    const objects = await render(elsewhere);
    expect(daemonOptions(objects).cni).toBeNull();
    expect(daemonPod(objects).volumes.map(({ name }) => name)).not.toContain("cni");
  });

  it("have the CNI configuration that the values have", async () => {
    const cniConf = '{\n  "name": "cbr0"\n}\n';
    const objects = await render({ flannel: { cniConf } });
    const { data } = onlyOf(objects, "ConfigMap") as unknown as { data: Record<string, string> };
    expect(JSON.parse(data["cni-conf.json"] ?? "")).toEqual({ name: "cbr0" });
    expect(daemonOptions(objects).cni).toMatchObject({ templateFile: "/etc/kube-flannel/cni-conf.json" });
  });

  it("go where the values say", async () => {
    const objects = await render({
      global: { imagePullSecrets: [{ name: "registry" }] },
      flannel: {
        image: { repository: "192.0.2.1:5000/tweed", tag: "1" },
        nodeSelector: { "network-daemon": "tweed" },
        tolerations: [],
        maxUnavailable: 3,
        seLinuxOptions: { type: "spc_t" },
        resources: null,
        cniConfDir: "/var/lib/cni/net.d",
      },
    });
    expect(daemonPod(objects)).toMatchObject({
      imagePullSecrets: [{ name: "registry" }],
      nodeSelector: { "network-daemon": "tweed" },
      securityContext: { seLinuxOptions: { type: "spc_t" }, seccompProfile: { type: "RuntimeDefault" } },
    });
    expect(daemonPod(objects)).not.toHaveProperty("tolerations");
    expect(daemonContainer(objects)).toMatchObject({ image: "192.0.2.1:5000/tweed:1" });
    expect(daemonContainer(objects)).not.toHaveProperty("resources");
    expect(JSON.stringify(objects)).toContain('"path":"/var/lib/cni/net.d"');
    expect(onlyOf(objects, "DaemonSet").spec).toMatchObject({
      updateStrategy: { rollingUpdate: { maxUnavailable: 3 } },
    });
    expect(objects.flatMap(schemaFaults)).toEqual([]);
  });

  it("have a monitor for the Prometheus Operator, and no policy, where the values want that", async () => {
    const objects = await render({
      prometheus: { annotations: false, podMonitor: { enabled: true, labels: { release: "prometheus" } } },
      admissionPolicy: { enabled: false },
    });
    const { metadata, spec } = onlyOf(objects, "PodMonitor");
    expect(metadata.labels).toEqual({ "app.kubernetes.io/name": "tweed", release: "prometheus" });
    expect(spec).toMatchObject({
      podMetricsEndpoints: [{ port: "healthz", path: "/metrics", interval: "30s" }],
    });
    expect(objects.map(({ kind }) => kind).join()).not.toContain("ValidatingAdmission");
    expect(JSON.stringify(onlyOf(objects, "DaemonSet"))).not.toContain("prometheus.io");
  });

  it("come with notes", () => {
    const notes = renderChart(chart, "elsewhere", elsewhere).get("NOTES.txt");
    expect(notes).toContain("--namespace elsewhere rollout status daemonset/kube-tweed");
    expect(notes).toContain("another one has to be in /etc/cni/net.d");
  });
});

function daemonOptions(objects: readonly KubeObject[]): DaemonOptions {
  const line = readCommandLine(daemonContainer(objects).args.slice(1), { NODE_NAME: "worker-1" });
  if (line.kind !== "run") throw new Error(`the daemon would not run: ${line.kind}`);
  return line.options;
}

describe("the chart's version", () => {
  it("is that of the program", () => {
    expect(chart.metadata).toMatchObject({ version: packageJson.version, appVersion: packageJson.version });
  });
});

describe("the schema of the values", () => {
  it("takes the chart's own", () => {
    expect(validate(chart.values), JSON.stringify(validate.errors)).toBe(true);
  });

  it.each<readonly [string, JsonObject, string]>([
    ["another backend", { flannel: { backend: "wireguard" } }, "/flannel/backend"],
    ["a network that is none", { podCidr: "10.244.0.0" }, "/podCidr"],
    ["a port that is none", { flannel: { backendPort: 70000 } }, "/flannel/backendPort"],
    ["a VNI of more than 24 bits", { flannel: { vni: 16777216 } }, "/flannel/vni"],
    ["a VNI without vxlan", { flannel: { backend: "udp", vni: 1 } }, "/flannel/vni"],
    [
      "a port without an encapsulation",
      { flannel: { backend: "host-gw", backendPort: 8472 } },
      "/flannel/backendPort",
    ],
    ["leases from elsewhere", { flannel: { args: ["--ip-masq"] } }, "/flannel/args"],
    [
      "a prefix without its end",
      { admissionPolicy: { annotationPrefix: "example.com" } },
      "/admissionPolicy/annotationPrefix",
    ],
    ["flannel's policy side-car, which is not there", { netpol: { enabled: true } }, ""],
    ["a misspelt name", { flannel: { directrouting: true } }, "/flannel"],
  ])("refuses %s", (_what, values, path) => {
    expect(validate(overlaid(chart.values, values))).toBe(false);
    expect(validate.errors?.map(({ instancePath }) => instancePath)).toContain(path);
  });
});

describe("what renders the chart here", () => {
  const renderText = (text: string, values: JsonObject = {}) => {
    const templates = new Map([["a.yaml", text]]);
    return renderChart({ metadata: { version: "1" }, values, templates }, "here", {}).get("a.yaml");
  };

  it.each([
    ['a {{- "b" }} c', "ab c"],
    ['a {{ "b" -}} \n c', "a bc"],
    ["{{ if .Values.a }}x{{ else if .Values.b }}y{{ else }}z{{ end }}", "y"],
    [
      "{{ with .Values.list }}{{ range . }}<{{ . }}>{{ end }}{{ $.Release.Namespace }}{{ end }}",
      "<p><q>here",
    ],
    ['{{ define "n" }}k: {{ .Values.c }}{{ end }}{{ include "n" . | nindent 2 }}', "\n  k: v"],
    [
      "{{ int .Values.big }} {{ int .Values.big | quote }} {{ toJson .Values.list }}",
      '16777215 "16777215" ["p","q"]',
    ],
    ['{{ .Values.none | default "d" }}{{ if and .Values.b (not .Values.a) }}!{{ end }}', "d!"],
  ])("renders %j as Go does", (text, expected) => {
    const values = { a: 0, b: 1, c: "v", big: 16777215, list: ["p", "q"] };
    expect(renderText(text, values)).toBe(expected);
  });

  it.each([
    ['{{ lookup "v1" }}', "function lookup is not known"],
    ["{{ .Values.n }}", "is printed as it is"],
    ["{{ .Values.none }}", "is printed as it is"],
    ["{{ .Values.none.more }}", "field more is asked of"],
    ['{{ include "n" . }}', "template n is not defined"],
  ])("refuses %j, which it cannot be sure of", (text, message) => {
    expect(() => renderText(text, { n: 1 })).toThrow(message);
  });

  it.each([
    "{{ if . }}",
    "{{ end }}",
    "{{ $x := 1 }}",
    "{{ range $i, $e := . }}{{ end }}",
    "{{ a",
    "{{ (a }}",
  ])("refuses the syntax of %j", (text) => {
    expect(() => parseTemplate(text)).toThrow(Error);
  });
});
