/** Certificates for the connection to etcd, read once per client so that renewed files are picked up. */
import { rootCertificates } from "node:tls";
import type { EtcdOptions } from "../../config/store-options.ts";
import { messageOf, TweedError } from "../../runtime/error.ts";
import { type Files, isMissing } from "../../runtime/files.ts";

export interface TlsCredentials {
  readonly rootCertificate: Buffer;
  readonly privateKey?: Buffer;
  readonly certChain?: Buffer;
}

/** CA bundles of the distributions; the list of Go's crypto/x509 for Linux. */
const SYSTEM_ROOTS = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/pki/tls/cacert.pem",
  "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
  "/etc/ssl/cert.pem",
];

/** Joined once, as a client of etcd connects again after each loss of the connection. */
const NODE_ROOTS = Buffer.from(rootCertificates.join("\n"));

/** A distribution's whole CA bundle has some 250 KB. */
const MAX_BYTES = 16 * 1024 * 1024;

/**
 * Each part is optional: a CA works without a client certificate, and a client certificate works without a CA,
 * for a server that the system's roots verify.
 * @throws TweedError `tls-file`, which names the file
 */
export async function loadTlsCredentials(files: Files, tls: EtcdOptions["tls"]): Promise<TlsCredentials> {
  const rootCertificate =
    tls.caFile === null ? await systemRoots(files) : await readPem(files, tls.caFile, "CERTIFICATE");
  if (tls.clientCertificate === null) return { rootCertificate };
  return {
    rootCertificate,
    privateKey: await readPem(files, tls.clientCertificate.keyFile, "PRIVATE KEY"),
    certChain: await readPem(files, tls.clientCertificate.certFile, "CERTIFICATE"),
  };
}

async function readPem(files: Files, path: string, label: string): Promise<Buffer> {
  const operation = `read TLS file ${path}`;
  let pem: Buffer;
  try {
    pem = (await files.read(path, MAX_BYTES)).bytes;
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
  throw new TweedError({ code: "tls-file", operation, reason: `it has no PEM block "${label}"` });
}

async function systemRoots(files: Files): Promise<Buffer> {
  for (const path of SYSTEM_ROOTS) {
    try {
      return (await files.read(path, MAX_BYTES)).bytes;
    } catch (error) {
      // Each distribution has one of them; only a missing one is skipped.
      if (!isMissing(error)) throw error;
    }
  }
  return NODE_ROOTS;
}
