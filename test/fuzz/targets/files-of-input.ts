/** A file system of one file: whatever is read has the bytes of an input. */
import { TweedError } from "../../../src/runtime/error.ts";
import type { Files } from "../../../src/runtime/files.ts";

const absent = async (): Promise<never> => {
  throw Object.assign(new Error("ENOENT: no such file or directory"), { code: "ENOENT" });
};

/** @param textOf returns a path's bytes, or null for a file that is missing */
export function filesOf(textOf: (path: string) => Uint8Array | null): Files {
  return {
    async read(path, maxBytes) {
      const bytes = textOf(path);
      if (bytes === null) return absent();
      if (bytes.length > maxBytes) {
        const reason = `it has ${bytes.length} bytes, at most ${maxBytes} are read`;
        throw new TweedError({ code: "invalid-file", operation: `read ${path}`, reason, retryable: true });
      }
      return { bytes: Buffer.from(bytes), modifiedAtWallMs: 0 };
    },
    status: async (path) =>
      textOf(path) === null ? absent() : { inode: 1, sizeBytes: 1, modifiedAtWallMs: 0, changedAtWallMs: 0 },
    ...{
      readLink: absent,
      list: absent,
      create: absent,
      createTemporary: absent,
      rename: absent,
      link: absent,
    },
    ...{ unlink: absent, makeDirectory: absent, syncDirectory: absent },
    watch: () => ({ close() {} }),
  };
}

export const NO_FILES: Files = filesOf(() => null);
