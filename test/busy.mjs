/**
 * `npm run test:busy`: the whole of `npm test`, three times in a row, while four processes keep the processors busy. It
 * shows that no test depends on how quick the machine is. `-- --times 1` runs it once; other words go to vitest.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";

const LOOPS = 4;
/** Each loop looks whether its parent is still there, so none outlives a run that was killed. */
const LOOP = `
const parent = Number(process.argv[1]);
for (;;) {
  for (const end = performance.now() + 500; performance.now() < end; );
  if (process.ppid !== parent) process.exit();
}`;

const words = process.argv.slice(2);
const at = words.indexOf("--times");
const times = at < 0 ? 3 : Number(words.splice(at, 2)[1]);
if (!Number.isInteger(times) || times < 1) {
  console.error("--times expects a whole number from 1");
  process.exit(2);
}

const loops = Array.from({ length: LOOPS }, () =>
  spawn(process.execPath, ["-e", LOOP, String(process.pid)], { stdio: "ignore" }),
);
process.once("exit", () => {
  for (const loop of loops) loop.kill("SIGKILL");
});
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));

const results = [];
for (let run = 1; run <= times; run++) {
  const child = spawn(process.execPath, ["node_modules/vitest/vitest.mjs", "run", ...words], {
    stdio: "inherit",
  });
  const [exitCode] = await once(child, "close");
  results.push(exitCode === 0 ? "passed" : "failed");
  console.log(`run ${run} of ${times} beside ${LOOPS} busy loops: ${results.at(-1)}`);
}
process.exit(results.every((result) => result === "passed") ? 0 : 1);
