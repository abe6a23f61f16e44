/** Names of Debian's kernel packages: "linux-image-6.1.0-56-amd64", "linux-image-6.12.117+deb12-amd64". */
const KERNEL = /^linux-image-(\d+\.\d+)\.(\d+)(?:-(\d+)|\+deb\d+)?-amd64$/;

/**
 * The newest of the names that is a kernel of this line, such as "6.12", or null. Those for clouds (`-cloud-amd64`) lack 9p,
 * those for real time and without a signature are left out too.
 */
export function newestKernel(names: readonly string[], line: string): string | null {
  const kernels = names.flatMap((name) => {
    const [, ownLine, patch, build = 0] = KERNEL.exec(name) ?? [];
    return ownLine === line ? [{ name, patch: Number(patch), build: Number(build) }] : [];
  });
  const newest = kernels.toSorted((a, b) => b.patch - a.patch || b.build - a.build)[0];
  return newest?.name ?? null;
}
