import { openLibrary } from "./library.ts";

/** Returns freed memory of the C library to the kernel; null where the library has no such call, as in musl. */
export async function openTrim(): Promise<(() => void) | null> {
  const library = await openLibrary();
  try {
    const trim = library.bind<(pad: number) => number>("int malloc_trim(size_t pad)");
    return () => void trim(0);
  } catch {
    return null;
  }
}
