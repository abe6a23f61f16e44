/**
 * The calls that read and write packets, for threads that may block in them. Memory is passed by native address:
 * buffers and iovecs are in WebAssembly memory, so no call copies or allocates.
 */
import type { Library } from "./library.ts";

/** A process address; below 2^47 on x86-64 and arm64, so exact as a number. */
export type NativeAddress = number;

/** Each returns what the C function does; -1 means see errno. */
export interface PacketCalls {
  read(fd: number, buffer: NativeAddress, length: number): number;
  /** `iovecs` is an array of struct iovec. */
  writev(fd: number, iovecs: NativeAddress, count: number): number;
  /** `messages` is an array of struct mmsghdr; returns the number sent, lower when one failed. */
  sendmmsg(fd: number, messages: NativeAddress, count: number, flags: number): number;
  recvmmsg(fd: number, messages: NativeAddress, count: number, flags: number, timeout: NativeAddress): number;
  /** `fds` is an array of struct pollfd; a negative timeout waits for ever. */
  poll(fds: Uint8Array, count: number, timeoutMs: number): number;
  usleep(microseconds: number): number;
  /** With PR_SET_TIMERSLACK: how late timers of this thread may fire, in nanoseconds. */
  prctl(option: number, value: number): number;
}

/** linux/prctl.h */
export const PR_SET_TIMERSLACK = 29;

export function bindPacketCalls(library: Library): PacketCalls {
  return {
    read: library.bind<PacketCalls["read"]>("int64_t read(int fd, uint64_t buffer, size_t length)"),
    writev: library.bind<PacketCalls["writev"]>("int64_t writev(int fd, uint64_t iovecs, int count)"),
    sendmmsg: library.bind<PacketCalls["sendmmsg"]>(
      "int sendmmsg(int fd, uint64_t messages, unsigned int count, int flags)",
    ),
    recvmmsg: library.bind<PacketCalls["recvmmsg"]>(
      "int recvmmsg(int fd, uint64_t messages, unsigned int count, int flags, uint64_t timeout)",
    ),
    usleep: library.bind<PacketCalls["usleep"]>("int usleep(unsigned int microseconds)"),
    prctl: library.bind<PacketCalls["prctl"]>("int prctl(int option, unsigned long value)"),
    poll: library.bind<PacketCalls["poll"]>("int poll(void *fds, unsigned long count, int timeoutMs)"),
  };
}
