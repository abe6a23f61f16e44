import { defineConfig } from "vitest/config";

const project = (name: string, options: Record<string, unknown> = {}) => ({
  test: { name, include: [`test/${name}/**/*.test.ts`], ...options },
});

/** Without effects there is nothing to keep apart: one process for all files takes a third of the time. */
const pure = { globalSetup: ["test/support/build-fast-path.mjs"], isolate: false };

/**
 * Suites that touch the kernel, stores or daemons share one machine: one file at a time, in a process of its
 * own, with the bundle built first.
 */
const real = {
  fileParallelism: false,
  pool: "forks",
  globalSetup: ["test/support/setup.ts"],
  testTimeout: 120_000,
  hookTimeout: 120_000,
};

export default defineConfig({
  test: {
    reporters: ["default", "./test/support/plain-summary.ts"],
    projects: [
      project("unit", pure),
      project("property", { ...pure, testTimeout: 60_000 }),
      project("kernel", real),
      project("stores", real),
      project("e2e", real),
    ],
  },
});
