import { defineConfig } from "vitest/config";

const project = (name: string, options: Record<string, unknown> = {}) => ({
  test: { name, include: [`test/${name}/**/*.test.ts`], ...options },
});

/** A test may wait several times for as long as DEADLINE_MS in test/support/eventually.ts. */
const patience = { testTimeout: 300_000, hookTimeout: 300_000 };

/** Without effects there is nothing to keep apart: one process for all files takes a third of the time. */
const pure = { ...patience, globalSetup: ["test/support/build-fast-path.mjs"], isolate: false };

/**
 * Suites that touch the kernel, stores or daemons wait more than they work: two files at a time, each in a process
 * of its own, with namespaces and labs under names of its own, after the bundle was built.
 */
const real = {
  maxWorkers: 2,
  pool: "forks",
  sequence: { groupOrder: 1 },
  globalSetup: ["test/support/setup.ts"],
  setupFiles: ["test/support/leftovers/suite.ts"],
  ...patience,
};

/** Their bounds in the long run are tens of milliseconds of silence, which a busy machine spends on its own: one file at a time, alone. */
const timed = ["test/e2e/switch-*.test.ts"];
const alone = { ...real, include: timed, maxWorkers: 1, sequence: { groupOrder: 2 } };

export default defineConfig({
  test: {
    reporters: ["default", "./test/support/plain-summary.ts"],
    projects: [
      project("unit", pure),
      project("property", pure),
      project("sim", pure),
      project("kernel", real),
      // These share a process, which loads the clients of etcd and Kubernetes once: a third of the suite's time.
      project("stores", { ...real, isolate: false }),
      project("e2e", { ...real, exclude: timed }),
      project("e2e-alone", alone),
    ],
  },
});
