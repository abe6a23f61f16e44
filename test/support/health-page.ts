import { run } from "../../src/runtime/program.ts";

/** Takes port, path and method from its arguments; prints the answer as JSON, status 0 when there is none. */
const ASK = `
const [port, path, method] = process.argv.slice(1);
const print = (status, body) => console.log(JSON.stringify({ status, body }));
const request = require("http").request({ host: "127.0.0.1", port, path, method, timeout: 1000 }, (response) => {
  let body = "";
  response.on("data", (chunk) => { body += chunk; });
  response.on("end", () => print(response.statusCode, body));
});
request.on("timeout", () => request.destroy(new Error("timeout")));
request.on("error", () => print(0, ""));
request.end();`;

/** A page of a daemon's health listener, asked for on the namespace's loopback. */
export async function healthPage(
  namespace: string,
  port: number,
  path: string,
  method = "GET",
): Promise<{ readonly status: number; readonly body: string }> {
  const command = [process.execPath, "-e", ASK, String(port), path, method];
  return JSON.parse(await run("ip", ["netns", "exec", namespace, ...command]));
}
