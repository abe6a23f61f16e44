/** The files that the image adds to its base, assembled as the Dockerfile does. */
import { cp, mkdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";

/** `cp -R dist /tweed` */
const COPY = /cp -R (.+?) (\/tweed\S*)/g;

/** @param directory replaces the Dockerfile's /tweed, which becomes /opt/tweed in the image */
export async function assembleImageTree(directory: string): Promise<void> {
  const dockerfile = await readFile("Dockerfile", "utf8");
  for (const [, sources = "", target = ""] of dockerfile.matchAll(COPY)) {
    const to = join(directory, target.replace("/tweed", ""));
    await mkdir(to, { recursive: true });
    for (const source of sources.split(" "))
      await cp(source, join(to, basename(source)), { recursive: true });
  }
}
