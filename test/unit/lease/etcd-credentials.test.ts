/** The certificates for etcd: which files are read, and what is said of one that is none. */
import { rootCertificates } from "node:tls";
import { describe, expect, test } from "vitest";
import { loadTlsCredentials } from "../../../src/lease/etcd/credentials.ts";
import { MemoryFiles } from "../../support/memory-files.ts";

const CA = "-----BEGIN CERTIFICATE-----ca";
const CERT = "-----BEGIN CERTIFICATE-----own";
const KEY = "-----BEGIN EC PRIVATE KEY-----";
const CLIENT = { certFile: "/cert.pem", keyFile: "/key.pem" };
const DEBIAN = "/etc/ssl/certs/ca-certificates.crt";

function filesOf(texts: Readonly<Record<string, string>>): MemoryFiles {
  const files = new MemoryFiles();
  for (const [path, text] of Object.entries(texts)) files.put(path, text);
  return files;
}

/** As text. */
async function load(texts: Readonly<Record<string, string>>, tls: Parameters<typeof loadTlsCredentials>[1]) {
  const loaded = await loadTlsCredentials(filesOf(texts), tls);
  return Object.fromEntries(Object.entries(loaded).map(([name, bytes]) => [name, String(bytes)]));
}

const ALL = { "/ca.pem": CA, "/cert.pem": CERT, "/key.pem": KEY, [DEBIAN]: "of the system" };

test("each part is optional, and without a CA the system's is used", async () => {
  expect(await load(ALL, { caFile: "/ca.pem", clientCertificate: null })).toEqual({ rootCertificate: CA });
  expect(await load(ALL, { caFile: "/ca.pem", clientCertificate: CLIENT })).toEqual({
    rootCertificate: CA,
    privateKey: KEY,
    certChain: CERT,
  });
  expect(await load(ALL, { caFile: null, clientCertificate: CLIENT })).toEqual({
    rootCertificate: "of the system",
    privateKey: KEY,
    certChain: CERT,
  });
});

describe("the system's CA", () => {
  const load1 = (texts: Readonly<Record<string, string>>) =>
    load(texts, { caFile: null, clientCertificate: null });

  test.each([
    DEBIAN,
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
  ])("may be %s", async (path) => {
    expect(await load1({ [path]: "of a distribution" })).toEqual({ rootCertificate: "of a distribution" });
  });

  test("is Node's own where there is none", async () => {
    expect(await load1({})).toEqual({ rootCertificate: rootCertificates.join("\n") });
  });

  test("that cannot be read is an error", async () => {
    const files = new MemoryFiles();
    files.put(DEBIAN, "", "directory");
    await expect(loadTlsCredentials(files, { caFile: null, clientCertificate: null })).rejects.toThrow(
      DEBIAN,
    );
  });
});

describe("a file", () => {
  test.each<[string, Readonly<Record<string, string>>, object]>([
    [
      "that is missing",
      { "/ca.pem": CA, "/cert.pem": CERT },
      { message: expect.stringMatching(/^read TLS file \/key\.pem: ENOENT/), retryable: true },
    ],
    [
      "without a key",
      { "/ca.pem": CA, "/cert.pem": CERT, "/key.pem": CERT },
      { message: 'read TLS file /key.pem: it has no PEM block "PRIVATE KEY"', retryable: false },
    ],
    [
      "without a certificate",
      { "/ca.pem": CA, "/cert.pem": KEY, "/key.pem": KEY },
      { message: 'read TLS file /cert.pem: it has no PEM block "CERTIFICATE"', retryable: false },
    ],
    [
      "of a CA without one",
      { "/ca.pem": "", "/cert.pem": CERT, "/key.pem": KEY },
      { message: 'read TLS file /ca.pem: it has no PEM block "CERTIFICATE"' },
    ],
  ])("%s is named", async (_what, texts, expected) => {
    const failure = await load(texts, { caFile: "/ca.pem", clientCertificate: CLIENT }).catch(
      (error) => error,
    );
    expect(failure).toMatchObject({ code: "tls-file", ...expected });
  });
});
