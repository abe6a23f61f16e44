export const EXIT = {
  ok: 0,
  failed: 1,
  /** The command line or the environment is wrong; a restart cannot help. */
  usage: 2,
} as const;
