/** Suites on a real API server: `npm run test:stores:real`. programs/ has the modules of its programs. */
import { defineConfig } from "vitest/config";

const TIMEOUT_MS = 600_000;

export default defineConfig({
  test: {
    include: ["test/cluster/**/*.test.ts"],
    pool: "forks",
    maxWorkers: 1,
    globalSetup: ["test/support/setup.ts"],
    setupFiles: ["test/support/leftovers/suite.ts"],
    testTimeout: TIMEOUT_MS,
    hookTimeout: TIMEOUT_MS,
  },
});
