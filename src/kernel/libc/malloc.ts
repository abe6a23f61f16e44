import { openLibrary } from "./library.ts";

/** Gives freed memory of the C library back to the kernel; null where the library has no such call, as musl. */
export async function openTrim(): Promise<(() => void) | null> {
  const library = await openLibrary();
  try {
    const trim = library.bind<(pad: number) => number>("int malloc_trim(size_t pad)");
    return () => void trim(0);
  } catch {
    return null;
  }
}
