/** A self-contained kubeconfig; read as YAML, a superset of JSON. */
export interface KubeconfigParts {
  /** URL of the API server. */
  readonly server: string;
  readonly user: string;
  /** PEM. */
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
}

export function kubeconfig({ server, user, authority, certificate, key }: KubeconfigParts): string {
  const base64 = (text: string) => Buffer.from(text).toString("base64");
  const name = "tweed";
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name, cluster: { server, "certificate-authority-data": base64(authority) } }],
    users: [
      {
        name: user,
        user: { "client-certificate-data": base64(certificate), "client-key-data": base64(key) },
      },
    ],
    contexts: [{ name, context: { cluster: name, user } }],
    "current-context": name,
  });
}
