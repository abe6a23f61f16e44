/** Every object that is there to be applied, shown to the API server: a real one compiles the policy's expressions too. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readChart, renderChart } from "../support/helm/chart.ts";
import { KubeApi } from "../support/kube-api/kube-api.ts";
import { kustomize } from "../support/manifests/kustomize.ts";
import {
  type KubeObject,
  nameOf,
  onlyOf,
  parseObjects,
  readDeployFile,
} from "../support/manifests/objects.ts";
import { pathOf } from "../support/manifests/resource-paths.ts";

const DEPLOY = new URL("../../deploy/", import.meta.url);

const chart = renderChart(await readChart(new URL("chart/tweed/", DEPLOY)), "kube-tweed", {});
const manifest = parseObjects(await readDeployFile("kube-tweed.yml"));
const sources: readonly (readonly [string, readonly KubeObject[]])[] = [
  ["kube-tweed.yml", manifest],
  ["cleanup.yml", parseObjects(await readDeployFile("cleanup.yml"))],
  [
    "the chart",
    [...chart].filter(([name]) => name.endsWith(".yaml")).flatMap(([, text]) => parseObjects(text)),
  ],
  ["the overlay for host-gw", await kustomize(new URL("kustomize/overlays/host-gw/", DEPLOY))],
  ["the overlay for udp", await kustomize(new URL("kustomize/overlays/udp/", DEPLOY))],
];

let api: KubeApi;
beforeAll(async () => {
  api = await KubeApi.start();
  // A real server wants the namespace of what it is shown to be there.
  if (api.standIn === null) await api.create(onlyOf(manifest, "Namespace"), "/api/v1/namespaces");
});
afterAll(() => api.stop());

describe.each(sources)("%s", (_source, objects) => {
  const others = objects.filter(({ kind }) => kind !== "Namespace");

  test.each(others.map((object) => [nameOf(object), object] as const))(
    "%s is accepted",
    async (_name, object) => {
      const answer = await api.admin("POST", `${pathOf(object)}?dryRun=All&fieldValidation=Strict`, object);
      expect(answer).toMatchObject({ kind: object.kind, metadata: { name: object.metadata.name } });
    },
  );
});

test("what is no object of its kind is refused", async () => {
  const config = { ...onlyOf(manifest, "ConfigMap"), data: { "net-conf.json": 1 } };
  const posted = api.admin("POST", `${pathOf(config)}?dryRun=All&fieldValidation=Strict`, config);
  await expect(posted).rejects.toThrow(/: 4\d\d /);
});
