/** The files that the options of the etcd client name; on each host, put there by its operator. */
export const TLS_FILES = {
  authority: "/etc/etcd/ca.pem",
  certificate: "/etc/etcd/client.pem",
  key: "/etc/etcd/client-key.pem",
} as const;

/** By path; the simulated network does not look into them. */
export const TLS_TEXTS: Readonly<Record<string, string>> = {
  [TLS_FILES.authority]: "-----BEGIN CERTIFICATE-----\n",
  [TLS_FILES.certificate]: "-----BEGIN CERTIFICATE-----\n",
  [TLS_FILES.key]: "-----BEGIN PRIVATE KEY-----\n",
};
