/** Which files a module needs to be loaded, by `modules.dep` and `modules.builtin` of a kernel (depmod(8)). */
import { posix } from "node:path";

export class KernelModules {
  /** Paths of a module and of all it stands on, the nearest first, by the module's name. */
  readonly #files = new Map<string, readonly string[]>();
  readonly #builtIn: ReadonlySet<string>;

  /**
   * @param dependencies text of modules.dep: "kernel/fs/9p/9p.ko.xz: kernel/net/9p/9pnet.ko.xz …"
   * @param builtIn text of modules.builtin: a path to a line
   */
  constructor(dependencies: string, builtIn: string) {
    for (const line of linesOf(dependencies)) {
      const colon = line.indexOf(":");
      const path = line.slice(0, colon);
      const needed = line
        .slice(colon + 1)
        .split(" ")
        .filter(Boolean);
      this.#files.set(nameOf(path), [path, ...needed]);
    }
    this.#builtIn = new Set(linesOf(builtIn).map(nameOf));
  }

  /** Those that the kernel neither has as modules nor built in. */
  missing(names: readonly string[]): string[] {
    return names.filter((name) => !this.#files.has(plain(name)) && !this.#builtIn.has(plain(name)));
  }

  /** The files to load for these modules, each once and after what it stands on; for what is built in there are none. */
  loadOrder(names: readonly string[]): string[] {
    const files = names.flatMap((name) => this.#files.get(plain(name))?.toReversed() ?? []);
    return [...new Set(files)];
  }
}

function linesOf(text: string): string[] {
  return text.split("\n").filter(Boolean);
}

/** "kernel/drivers/net/vxlan/vxlan.ko.xz" is vxlan. */
function nameOf(path: string): string {
  return plain(posix.basename(path).replace(/\.ko(\.\w+)?$/, ""));
}

/** The kernel makes no difference between the two. */
function plain(name: string): string {
  return name.replaceAll("-", "_");
}
