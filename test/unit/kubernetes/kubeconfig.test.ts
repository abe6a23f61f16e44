/** What is wrong with a kubeconfig is shown to whoever asks for /readyz: never what it holds. */
import { inspect } from "node:util";
import { expect, test } from "vitest";
import { Credentials } from "../../../src/lease/kubernetes/credentials.ts";
import { systemClock } from "../../../src/runtime/clock.ts";
import { MemoryFiles } from "../../support/memory-files.ts";

const FILE = "/etc/tweed/config";

const { signal } = new AbortController();
const SECRETS = ["t0ken-abcdef", "s3cret-ghijkl"];
const TEXT = [
  "apiVersion: v1",
  "clusters:",
  '- {name: c, cluster: {server: "https://192.0.2.1"}}',
  "users:",
  "- name: u",
  "  user:",
  `    token: ${SECRETS[0]}`,
  "    username: admin",
  `    password: ${SECRETS[1]}`,
  "contexts:",
  "- {name: x, context: {cluster: c, user: u}}",
  "current-context: x",
  "",
].join("\n");

/** What is thrown, in every form in which it could be printed; null when it can be read. */
async function faultOf(text: string): Promise<string | null> {
  const files = new MemoryFiles();
  files.put(FILE, text);
  const options = { apiUrl: null, kubeconfigFile: FILE, apiService: null };
  const credentials = new Credentials(options, 10_000, { files, clock: systemClock });
  try {
    await credentials.access(signal);
    return null;
  } catch (error) {
    return inspect(error, { depth: null });
  }
}

test("a fault is named by its line and the parser's words", async () => {
  expect(await faultOf(TEXT)).toBeNull();
  expect(await faultOf(TEXT.replace("    password", "   password"))).toMatch(
    /read credentials from \S+config: YAML fault at line 9: bad indentation of a mapping entry\n/,
  );
  expect(await faultOf(TEXT.replace("password: s3", "password: *s3"))).toMatch(
    /YAML fault at line \d+: unidentified alias\n/,
  );
  expect(await faultOf("")).toMatch(/it is not a kubeconfig/);
});

test("no single wrong character makes it show a secret", async () => {
  // Four characters in a row of a secret are none by chance.
  const pieces = SECRETS.flatMap((secret) =>
    Array.from({ length: secret.length - 3 }, (_, start) => secret.slice(start, start + 4)),
  );
  let faults = 0;
  for (const secret of SECRETS) {
    const start = TEXT.indexOf(secret);
    for (let at = start - 2; at < start + 6; at++) {
      for (const character of "\"'!*&{}[:,%@`|\t") {
        const fault = await faultOf(TEXT.slice(0, at) + character + TEXT.slice(at));
        if (fault === null) continue;
        faults += 1;
        for (const piece of pieces) expect(fault).not.toContain(piece);
      }
    }
  }
  expect(faults).toBeGreaterThan(30);
});

test("output of a plugin that is no JSON is not quoted", async () => {
  const user = `exec: {command: ${process.execPath}, args: ["-e", "console.log('{token: ${SECRETS[0]}}')"]}`;
  const fault = await faultOf(TEXT.replace(`token: ${SECRETS[0]}`, user));
  expect(fault).toMatch(/the plugin's output is not JSON/);
  expect(fault).not.toContain("t0ken");
});
