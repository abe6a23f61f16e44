/** A certificate authority for one test, made with openssl. */
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

export interface Certificate {
  readonly certFile: string;
  readonly keyFile: string;
}

export class CertificateAuthority implements Certificate {
  readonly certFile: string;
  readonly keyFile: string;
  readonly #directory: string;

  private constructor(directory: string) {
    this.#directory = directory;
    this.certFile = join(directory, "ca.crt");
    this.keyFile = join(directory, "ca.key");
  }

  /** @param directory for its files; without it one of its own */
  static async create(directory: string | null = null): Promise<CertificateAuthority> {
    const authority = new CertificateAuthority(directory ?? (await mkdtemp(join(tmpdir(), "tw-certs-"))));
    const { certFile, keyFile } = authority;
    const name = ["-subj", "/CN=test authority", "-days", "2"];
    await run("openssl", [...NEW_KEY, "-x509", ...name, "-keyout", keyFile, "-out", certFile]);
    return authority;
  }

  /** For one address, valid for both ends of a connection. */
  issue(name: string, ip = "127.0.0.1"): Promise<Certificate> {
    const extensions = `subjectAltName=IP:${ip}\nextendedKeyUsage=serverAuth,clientAuth\n`;
    return this.sign(name, `/CN=${name}`, extensions);
  }

  /** @param file name of its files @param extensions lines as openssl takes them with -extfile */
  async sign(file: string, subject: string, extensions: string): Promise<Certificate> {
    const path = (suffix: string) => join(this.#directory, `${file}.${suffix}`);
    await run("openssl", [...NEW_KEY, "-subj", subject, "-keyout", path("key"), "-out", path("csr")]);
    await writeFile(path("ext"), extensions);
    const serial = `0x${randomBytes(8).toString("hex")}`;
    const signer = ["-CA", this.certFile, "-CAkey", this.keyFile, "-set_serial", serial, "-days", "2"];
    await run("openssl", [
      ...["x509", "-req", "-in", path("csr"), "-out", path("crt"), "-extfile", path("ext")],
      ...signer,
    ]);
    return { certFile: path("crt"), keyFile: path("key") };
  }

  remove(): Promise<void> {
    return rm(this.#directory, { recursive: true, force: true });
  }
}

const NEW_KEY = ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
