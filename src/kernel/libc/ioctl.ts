import type { Library } from "./library.ts";

export interface IoctlCalls {
  /** ioctl with a pointer argument, read and written in place. */
  ioctl(fd: number, request: number, argument: Uint8Array): number;
  /** ioctl with a number as argument. */
  ioctlValue(fd: number, request: number, argument: number): number;
}

/**
 * ioctl is variadic in C. On x86-64 and on arm64 Linux (AAPCS64) the third argument is in the same register as a fixed
 * one, so plain prototypes work.
 */
export function bindIoctlCalls(library: Library): IoctlCalls {
  return {
    ioctl: library.bind<IoctlCalls["ioctl"]>("int ioctl(int fd, unsigned long request, void *argument)"),
    ioctlValue: library.bind<IoctlCalls["ioctlValue"]>(
      "int ioctl(int fd, unsigned long request, unsigned long argument)",
    ),
  };
}
