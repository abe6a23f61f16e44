/** The C library of this process, opened through koffi on first use. */
import type { KoffiFunc } from "koffi";

export interface Library {
  /** Binds a function by its C prototype. koffi knows no `ssize_t`: such results are written as `int64_t`. */
  bind<F extends (...args: never[]) => unknown>(prototype: string): KoffiFunc<F>;
  /** Process address of memory, which may be shared; the memory must outlive every use of the address. */
  addressOf(memory: Uint8Array): bigint;
  /** errno of the last call made on this thread; read it before any other call. */
  errno(): number;
}

/**
 * Imports koffi only here and on demand: its native module costs 12 ms and 4 MB, which a command without kernel access
 * saves.
 */
export async function openLibrary(): Promise<Library> {
  const koffi = (await import("koffi")).default;
  // The process itself is linked against its C library, whichever that is: glibc and musl both work.
  const library = koffi.load(null);
  return {
    bind: <F extends (...args: never[]) => unknown>(prototype: string) =>
      library.func(prototype) as KoffiFunc<F>,
    addressOf: (memory) => koffi.address(memory),
    errno: () => koffi.errno(),
  };
}
