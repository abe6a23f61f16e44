/** Branches of the agent and the lease layer that the simulator alone executes: `npm run sim:coverage`. */
const LEAST_PERCENT = 85;

export default {
  name: "Branches executed by the simulator",
  reports: ["console-details", "json-summary"],
  outputDir: "dist/sim-coverage",
  entryFilter: ({ url }) => url.endsWith("/dist/sim.mjs"),
  sourceFilter: (path) => /src\/(agent|lease)\//.test(path),
  onEnd({ summary }) {
    const { covered, total, pct } = summary.branches;
    console.log(`${covered} of ${total} branches of src/agent and src/lease: ${pct} %`);
    if (pct < LEAST_PERCENT) process.exitCode = 1;
  },
};
