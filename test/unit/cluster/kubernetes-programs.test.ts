import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { linkerFlags } from "../../cluster/go-programs.ts";
import { KUBERNETES_VERSIONS, kubernetesPrograms } from "../../cluster/kubernetes-programs.ts";

describe("programs of Kubernetes", () => {
  let directory = "";
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "tw-assets-"));
    vi.stubEnv("KUBEBUILDER_ASSETS", directory);
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await rm(directory, { recursive: true });
  });

  test("those of KUBEBUILDER_ASSETS are taken as they are", async () => {
    await writeFile(join(directory, "kube-apiserver"), "");
    expect(await kubernetesPrograms("1.34", ["kube-apiserver"], () => {})).toBe(directory);
  });

  test("an error names the program that KUBEBUILDER_ASSETS lacks", async () => {
    await expect(kubernetesPrograms("1.34", ["kubelet"], () => {})).rejects.toThrow(
      `KUBEBUILDER_ASSETS is ${directory}, which has no kubelet`,
    );
  });

  test.each(Object.entries(KUBERNETES_VERSIONS))("the module of %s pins %s", async (version, pinned) => {
    const module = await readFile(`test/cluster/programs/v${version}/go.mod`, "utf8");
    expect(module).toMatch(new RegExp(`k8s\\.io/kubernetes ${pinned}( |$)`, "m"));
    expect(module).toContain(`k8s.io/api => k8s.io/api ${pinned.replace("v1.", "v0.")}\n`);
  });

  test("variables are set by the linker", () => {
    expect(linkerFlags({ "a.org/b.version": "v1" })).toBe("-s -w -X=a.org/b.version=v1");
  });
});
