/**
 * HTTP requests, each over a new connection, as a program to run in a pod's network:
 *
 *     node requester.mjs once URL…              one request of each; a line of JSON with the answers
 *     node requester.mjs steady INTERVAL URL…   each URL every INTERVAL ms until SIGTERM, then a line of JSON with counts
 */
import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";

const ANSWER_TIMEOUT_MS = 20_000;
const REASONS = 5;

/** Resolves with the status and the body, rejects with the error. */
function get(url) {
  const request = url.startsWith("https:") ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    // Certificates are not under test here.
    const options = { agent: false, rejectUnauthorized: false, timeout: ANSWER_TIMEOUT_MS };
    const sent = request(url, options, (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () =>
        resolve({ status: response.statusCode, body: Buffer.concat(chunks).toString() }),
      );
    });
    // As an option it covers the connection too, which setTimeout() does not.
    sent.on("timeout", () => sent.destroy(new Error(`no answer in ${ANSWER_TIMEOUT_MS} ms`)));
    sent.on("error", reject);
    sent.end();
  });
}

async function once(urls) {
  const answers = urls.map((url) =>
    get(url).then(
      (answer) => ({ url, ...answer }),
      (error) => ({ url, status: 0, body: error.message }),
    ),
  );
  console.log(JSON.stringify(await Promise.all(answers)));
}

async function steady(intervalMs, urls) {
  const tallies = urls.map((url) => ({ url, sent: 0, failed: 0, reasons: [] }));
  const underWay = new Set();
  const send = () => {
    for (const tally of tallies) {
      tally.sent += 1;
      const at = new Date().toISOString();
      const asked = get(tally.url)
        .then(({ status }) => {
          if (status !== 200) throw new Error(`status ${status}`);
        })
        .catch((error) => {
          tally.failed += 1;
          if (tally.reasons.length < REASONS) tally.reasons.push(`${at} ${error.message}`);
        })
        .finally(() => underWay.delete(asked));
      underWay.add(asked);
    }
  };
  const timer = setInterval(send, intervalMs);
  console.log("requesting");
  await new Promise((resolve) => process.once("SIGTERM", resolve));
  clearInterval(timer);
  await Promise.all(underWay);
  console.log(JSON.stringify(tallies));
}

const [mode, ...args] = process.argv.slice(2);
if (mode === "once") await once(args);
else await steady(Number(args[0]), args.slice(1));
