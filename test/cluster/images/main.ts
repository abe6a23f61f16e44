/**
 * Builds Tweed's image without Docker: `npm run image -- --out tweed.tar [--name NAME:TAG]… [--release tweed.tar.gz]`.
 * Requires root, and Debian or debootstrap; `docker load` and `ctr images import` read the result.
 */
import { copyFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { runCommand } from "../../support/run-command.ts";
import { TWEED, tweedImage } from "./tweed-image.ts";

await runCommand(async ({ say, complain, signal }) => {
  const { values } = parseArgs({
    options: {
      out: { type: "string" },
      release: { type: "string" },
      name: { type: "string", multiple: true, default: [TWEED] },
    },
  });
  if (values.out === undefined && values.release === undefined) {
    complain("usage: npm run image -- [--out FILE.tar] [--name NAME:TAG]… [--release FILE.tar.gz]");
    return 2;
  }
  const image = await tweedImage(complain, values.name, signal);
  if (values.out !== undefined) await copyFile(image.archive, values.out);
  if (values.release !== undefined) await copyFile(image.release, values.release);
  for (const file of [values.out, values.release]) if (file !== undefined) say(file);
  return 0;
});
