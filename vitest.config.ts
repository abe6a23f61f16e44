import { defineConfig } from "vitest/config";

const project = (name: string, include: string, options: Record<string, unknown> = {}) => ({
  test: { name, include: [include], ...options },
});

/** Suites that touch the kernel or start daemons share one machine: they run one file at a time. */
const real = { fileParallelism: false, testTimeout: 60_000, hookTimeout: 60_000 };

export default defineConfig({
  test: {
    projects: [
      project("unit", "test/unit/**/*.test.ts"),
      project("property", "test/property/**/*.test.ts", { testTimeout: 60_000 }),
      project("kernel", "test/kernel/**/*.test.ts", real),
      project("stores", "test/stores/**/*.test.ts", real),
      project("e2e", "test/e2e/**/*.test.ts", real),
    ],
  },
});
