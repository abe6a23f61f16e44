/**
 * `run-container.mjs TEMPLATE MOUNTS FLAG…` runs a daemon of a lab in a container of its own, by runc, and ends as it
 * ends. In the template, an OCI configuration, `@node@` stands for the node's directory, whose "run" has the subnet
 * file. MOUNTS is the mount namespace of the host: `ip netns exec` hides the control groups that runc needs.
 */
import { spawn } from "node:child_process";
import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

const [template, mounts, ...flags] = process.argv.slice(2);
const SUBNET_FILE = "--subnet-file=";
/** Where a lab's daemon has its files; in the container they are mounted where the daemon looks by itself. */
const MOUNTED = [SUBNET_FILE, "--net-config-path=", "--cni-conf="];
const subnetFile = flags.find((flag) => flag.startsWith(SUBNET_FILE)).slice(SUBNET_FILE.length);
const node = dirname(dirname(subnetFile));

const bundle = join(node, "bundle");
for (const directory of [bundle, ...["cni", "config", "root", "dev-net"].map((name) => join(node, name))]) {
  await mkdir(directory, { recursive: true });
}
// As the base image has them.
for (const name of ["bin", "sbin", "lib", "lib64"]) {
  await symlink(`usr/${name}`, join(node, "root", name)).catch(ignoreExisting);
}
await writeFile(join(node, "xtables.lock"), "", { flag: "a" });
const config = JSON.parse((await readFile(template, "utf8")).replaceAll("@node@", node));
config.process.args.push(...flags.filter((flag) => !MOUNTED.some((prefix) => flag.startsWith(prefix))));
config.process.env.push(`NODE_NAME=${process.env.NODE_NAME}`);
await writeFile(join(bundle, "config.json"), JSON.stringify(config));

const id = `tw-${basename(dirname(node))}-${basename(node)}`;
const runc = ["runc", `--root=${join(dirname(node), "runc")}`, "run", `--bundle=${bundle}`, id];
const child = spawn("nsenter", [`--mount=${mounts}`, "--", ...runc], { stdio: "inherit" });
// runc hands them on to the container.
for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => child.kill(signal));
child.on("close", (code) => process.exit(code ?? 1));

function ignoreExisting(error) {
  if (error.code !== "EEXIST") throw error;
}
