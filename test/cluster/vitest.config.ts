/** Suites on a real API server: `npm run test:stores:real`. programs/ has the modules of its programs. */
import { defineConfig } from "vitest/config";

const PATIENCE_MS = 600_000;

export default defineConfig({
  test: {
    include: ["test/cluster/**/*.test.ts"],
    pool: "forks",
    maxWorkers: 1,
    globalSetup: ["test/support/setup.ts"],
    setupFiles: ["test/support/leftovers/suite.ts"],
    testTimeout: PATIENCE_MS,
    hookTimeout: PATIENCE_MS,
  },
});
