/** The installation guide, held against what it speaks of. */
import { access } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { daemonContainer } from "../../support/manifests/daemon-pod.ts";
import { kustomize } from "../../support/manifests/kustomize.ts";
import { onlyOf, parseObjects, readDeployFile } from "../../support/manifests/objects.ts";
import { codeBlocks, codeSpans, relativeLinks, section, tableRows } from "../../support/markdown.ts";
import { sourceFiles } from "../../support/source-tree.ts";

const DEPLOY = new URL("../../../deploy/", import.meta.url);
const guide = await readDeployFile("README.md");
const manifestText = await readDeployFile("kube-tweed.yml");
const manifest = parseObjects(manifestText);
const shell = codeBlocks(guide.replace(/^ {3}/gm, ""))
  .filter(({ language }) => language === "sh")
  .flatMap(({ lines }) => lines);

describe("the guide", () => {
  it("links to files that exist, and names those that its commands need", async () => {
    const named = shell.flatMap((line) =>
      [...line.matchAll(/deploy\/[\w./-]+/g)].map(([path]) => `../${path}`),
    );
    expect(named.length).toBeGreaterThan(3);
    for (const path of [...relativeLinks(guide), ...named]) await access(new URL(path, DEPLOY));
  });

  it("waits for objects that there are", async () => {
    const cleanup = onlyOf(parseObjects(await readDeployFile("cleanup.yml")), "DaemonSet").metadata;
    const names = [onlyOf(manifest, "DaemonSet").metadata.name, cleanup.name];
    const waited = shell.flatMap((line) => [...line.matchAll(/rollout status daemonset\/(\S+)/g)]);
    expect(waited.map(([, name]) => name)).toEqual(expect.arrayContaining(names));
  });

  it("names every value that the chart has from flannel's", async () => {
    const schema = JSON.parse(await readDeployFile("chart/tweed/values.schema.json"));
    const ours = ["maxUnavailable", "seLinuxOptions"];
    const names = Object.keys(schema.properties.flannel.properties).filter((name) => !ours.includes(name));
    const spans = codeSpans(section(guide, "Values of flannel's chart"));
    expect(spans).toEqual(expect.arrayContaining(names));
  });
});

describe("the table of permissions", () => {
  const rows = tableRows(section(guide, "What each permission is for")).map(([what = ""]) => codeSpans(what));
  const spans = new Set(rows.flat());

  it("has every rule", () => {
    for (const kind of ["ClusterRole", "Role"]) {
      const rules = onlyOf(manifest, kind).rules as unknown as { resources: string[]; verbs: string[] }[];
      for (const { resources, verbs } of rules) {
        const row = rows.find((cells) => [...verbs, ...resources].every((word) => cells.includes(word)));
        expect(row, `${verbs} on ${resources}`).toBeDefined();
      }
    }
  });

  it("has every capability and every mount of the host", async () => {
    const objects = await kustomize(new URL("kustomize/overlays/udp/", DEPLOY));
    const { securityContext, volumeMounts } = daemonContainer(objects);
    const mounts = volumeMounts
      .map(({ mountPath }) => mountPath)
      .filter((path) => path !== "/etc/kube-flannel");
    expect([...spans]).toEqual(
      expect.arrayContaining([...(securityContext.capabilities?.add ?? []), ...mounts]),
    );
  });
});

describe("the table of what may be wrong", async () => {
  /** Said by kubelet, the API server and the kernel. */
  const foreign = ['failed to find plugin "bridge"', "violates PodSecurity", "EACCES"];
  const said = [...(await sourceFiles()).map(({ text }) => text), manifestText].join("\n");
  const rows = tableRows(section(guide, "When something is wrong")).flatMap(([what = ""]) => codeSpans(what));
  const ours = rows.filter((text) => !foreign.includes(text)).flatMap((text) => text.split("…"));

  it.each(ours.map((text) => text.trim()).filter((text) => text !== ""))("quotes what we say: %s", (text) => {
    expect(said.includes(text)).toBe(true);
  });
});
