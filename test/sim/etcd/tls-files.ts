/** On each host, put there by its operator. */
export const TLS_FILES = {
  authority: "/etc/etcd/ca.pem",
  certificate: "/etc/etcd/client.pem",
  key: "/etc/etcd/client-key.pem",
} as const;
