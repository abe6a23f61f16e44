/** Templates of the CNI configuration that operators mount, and ones with a mistake. */
export const TEMPLATE_FILE = "/etc/tweed/cni-template.json";

const list = (plugin: object, ...chained: readonly object[]): string =>
  JSON.stringify({ cniVersion: "1.0.0", name: "pods", plugins: [plugin, ...chained] });

export const TEMPLATES = [
  list(
    { type: "bridge", bridge: "cni0", mtu: 1300 },
    { type: "portmap", capabilities: { portMappings: true } },
  ),
  list({ type: "flannel", delegate: { hairpinMode: true } }),
  list({ type: "ptp", ipam: { type: "host-local", ranges: [], routes: [] } }),
  list({ type: "bridge", ipam: { subnet: "10.244.9.0/24", routes: [{ dst: "10.0.0.0/8" }] } }),
  list({ type: "macvlan", ipam: { type: "dhcp" } }),
] as const;

export const WRONG_TEMPLATES = [
  "",
  "[]",
  '{"name":"-","cniVersion":"1.0.0","plugins":[]}',
  '{"name":"pods","cniVersion":"0.2.0","plugins":[]}',
  '{"name":"pods","cniVersion":"1.0.0","plugins":{}}',
  '{"name":"pods","cniVersion":"1.0.0","plugins":[7]}',
  '{"name":"pods","cniVersion":"1.0.0","plugins":[{"type":"a/b"}]}',
  '{"name":"pods","cniVersion":"1.0.0","plugins":[{"type":"bridge","ipam":{"ranges":7}}]}',
] as const;
