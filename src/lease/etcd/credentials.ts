/** Certificates for the connection to etcd, read once per client so that renewed files are picked up. */
import { readFile } from "node:fs/promises";
import { rootCertificates } from "node:tls";
import type { EtcdOptions } from "../../config/store-options.ts";
import { messageOf, TweedError } from "../../runtime/error.ts";

export interface TlsCredentials {
  readonly rootCertificate: Buffer;
  readonly privateKey?: Buffer;
  readonly certChain?: Buffer;
}

/** Where distributions keep the certificates that they trust; the list of Go's crypto/x509 for Linux. */
const SYSTEM_ROOTS = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/pki/tls/cacert.pem",
  "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
  "/etc/ssl/cert.pem",
];

/**
 * Each part on its own: a CA without a client certificate is used, and a client certificate without a CA is
 * shown to a server that the system's roots vouch for.
 * @throws TweedError `tls-file`, which names the file
 */
export async function loadTlsCredentials(tls: EtcdOptions["tls"]): Promise<TlsCredentials> {
  const rootCertificate =
    tls.caFile === null ? await systemRoots() : await readPem(tls.caFile, "CERTIFICATE");
  if (tls.clientCertificate === null) return { rootCertificate };
  return {
    rootCertificate,
    privateKey: await readPem(tls.clientCertificate.keyFile, "PRIVATE KEY"),
    certChain: await readPem(tls.clientCertificate.certFile, "CERTIFICATE"),
  };
}

async function readPem(path: string, label: string): Promise<Buffer> {
  const operation = `read TLS file ${path}`;
  let pem: Buffer;
  try {
    pem = await readFile(path);
  } catch (error) {
    throw new TweedError({
      code: "tls-file",
      operation,
      reason: messageOf(error),
      retryable: true,
      cause: error,
    });
  }
  if (pem.includes(`${label}-----`)) return pem;
  throw new TweedError({ code: "tls-file", operation, reason: `there is no PEM block "${label}" in it` });
}

async function systemRoots(): Promise<Buffer> {
  for (const path of SYSTEM_ROOTS) {
    try {
      return await readFile(path);
    } catch (error) {
      // Each distribution has one of them; only its absence sends us to the next.
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
  return Buffer.from(rootCertificates.join("\n"));
}
