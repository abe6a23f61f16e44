/** The metadata of an image archive beside its layers, by the image specification of Docker 1.2. */
import type { Step } from "./dockerfile.ts";

/** The settings of a container of the image. */
export interface ImageSettings {
  readonly Env: readonly string[];
  readonly WorkingDir: string;
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly Labels?: Readonly<Record<string, string>>;
  readonly StopSignal?: string;
}

/** Docker's default, in images and during their build. */
export const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** The settings by the steps of the last stage; a later step overrides an earlier one. */
export function settingsOf(steps: readonly Step[]): ImageSettings {
  let settings: ImageSettings = { Env: [`PATH=${PATH}`], WorkingDir: "/" };
  for (const step of steps) {
    if (step.kind === "workdir") settings = { ...settings, WorkingDir: step.path };
    else if (step.kind === "entrypoint") settings = { ...settings, Entrypoint: step.command };
    else if (step.kind === "cmd") settings = { ...settings, Cmd: step.command };
    else if (step.kind === "stopsignal") settings = { ...settings, StopSignal: step.signal };
    else if (step.kind === "label")
      settings = { ...settings, Labels: { ...settings.Labels, ...step.labels } };
  }
  return settings;
}

const GO_ARCHITECTURE: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };

/** @param layers SHA-256 of the uncompressed layers in hexadecimal, the lowest first */
export function imageConfig(
  settings: ImageSettings,
  layers: readonly string[],
  architecture: string = process.arch,
): string {
  return JSON.stringify({
    architecture: GO_ARCHITECTURE[architecture] ?? architecture,
    os: "linux",
    // Equal inputs give an equal image.
    created: "1970-01-01T00:00:00Z",
    config: settings,
    rootfs: { type: "layers", diff_ids: layers.map((hash) => `sha256:${hash}`) },
  });
}

/** manifest.json of an archive with one image. */
export function archiveManifest(
  names: readonly string[],
  configFile: string,
  layerFiles: readonly string[],
): string {
  return JSON.stringify([{ Config: configFile, RepoTags: names, Layers: layerFiles }]);
}
