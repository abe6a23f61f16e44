import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { type DaemonOptions, describeOptions, readCommandLine } from "../../../src/config/daemon-options.ts";

type Environment = Record<string, string>;

function read(words: string[], environment: Environment = {}) {
  const line = readCommandLine(words, environment);
  if (line.kind !== "run") {
    throw new Error(line.kind === "usage-error" ? line.error.message : `answered with ${line.kind}`);
  }
  return line;
}
const optionsOf = (words: string[], environment?: Environment): DaemonOptions =>
  read(words, environment).options;

function usageErrorOf(words: string[], environment: Environment = {}): string {
  const line = readCommandLine(words, environment);
  if (line.kind !== "usage-error") throw new Error(`accepted: ${words.join(" ")}`);
  expect(line.error.code).toBe("usage");
  expect(line.error.message).not.toContain("\n");
  return line.error.message;
}

describe("defaults", () => {
  it("are flannel's", () => {
    expect(optionsOf([])).toEqual({
      store: {
        kind: "etcd",
        endpoints: ["http://127.0.0.1:4001", "http://127.0.0.1:2379"],
        prefix: "/coreos.com/network",
        tls: { caFile: null, clientCertificate: null },
        credentials: null,
        renewMarginMs: 3_600_000,
      },
      underlay: { ifaces: [], ifaceRegexes: [], ifaceCanReach: null, publicIps: { v4: null, v6: null } },
      firewall: {
        masquerade: false,
        masqueradeFullyRandom: true,
        masqueradeExclusions: { kind: "list", prefixes: [] },
        forwardRules: true,
        forgedPackets: "drop",
        resyncIntervalMs: 5000,
      },
      udp: { queues: 1, offload: "auto" },
      keepBlackholeRoute: false,
      subnetFile: "/run/flannel/subnet.env",
      cni: null,
      health: null,
      notifySocket: null,
      logLevel: "info",
    });
  });

  it("warn of nothing", () => {
    expect(read([]).warnings).toEqual([]);
  });
});

describe("the static manifest of flannel", () => {
  it("is understood", () => {
    const options = optionsOf(["--ip-masq", "--kube-subnet-mgr", "--healthz-port=8081"], {
      POD_NAME: "kube-flannel-ds-x7k2p",
      POD_NAMESPACE: "kube-flannel",
      EVENT_QUEUE_DEPTH: "5000",
      CONT_WHEN_CACHE_NOT_READY: "false",
    });
    expect(options).toMatchObject({
      store: {
        kind: "kubernetes",
        apiUrl: null,
        kubeconfigFile: null,
        annotationPrefix: "flannel.alpha.coreos.com",
        networkConfigFile: "/etc/kube-flannel/net-conf.json",
        node: { kind: "pod", namespace: "kube-flannel", name: "kube-flannel-ds-x7k2p" },
        setNodeNetworkUnavailable: true,
      },
      firewall: { masquerade: true },
      health: { ip: "0.0.0.0", port: 8081 },
    });
  });

  it("takes the node's name from NODE_NAME first", () => {
    const environment = { NODE_NAME: "node-7", POD_NAME: "p", POD_NAMESPACE: "n" };
    expect(optionsOf(["--kube-subnet-mgr"], environment).store).toMatchObject({
      node: { kind: "node", name: "node-7" },
    });
  });

  it("needs to know the node", () => {
    expect(usageErrorOf(["--kube-subnet-mgr"], { POD_NAME: "p" })).toContain("NODE_NAME");
  });
});

describe("interface choice", () => {
  it("keeps order and patterns", () => {
    const { underlay } = optionsOf([
      "--iface=eth1",
      "--iface",
      "192.0.2.7",
      "-iface-regex=^en",
      "--iface-can-reach=2001:DB8::1",
      "--public-ip=203.0.113.5",
      "--public-ipv6=2001:db8::5",
    ]);
    expect(underlay).toEqual({
      ifaces: ["eth1", "192.0.2.7"],
      ifaceRegexes: [/^en/],
      ifaceCanReach: "2001:db8::1",
      publicIps: { v4: "203.0.113.5", v6: "2001:db8::5" },
    });
  });

  it.each([
    [["--iface="], "parse flag --iface: "],
    [["--iface-regex=("], 'parse flag --iface-regex: "(" given, expected a valid regular expression'],
    [
      ["--iface-can-reach=eth0"],
      'parse flag --iface-can-reach: "eth0" given, expected an IPv4 or IPv6 address',
    ],
    [["--public-ip=2001:db8::5"], "parse flag --public-ip: "],
    [["--public-ipv6=203.0.113.5"], "parse flag --public-ipv6: "],
    [["--subnet-file="], "parse flag --subnet-file: "],
    [["--healthz-ip=localhost"], "parse flag --healthz-ip: "],
    [["--healthz-port=65536"], "parse flag --healthz-port: "],
    [["--healthz-port=-1"], "parse flag --healthz-port: "],
    [["--iptables-resync=0"], 'parse flag --iptables-resync: "0" given, expected a whole number from 1'],
    [["--subnet-lease-renew-margin=0"], "expected a whole number from 1 to 1439"],
    [["--subnet-lease-renew-margin=1440"], "expected a whole number from 1 to 1439"],
    [["--store=consul"], 'parse flag --store: "consul" given, expected etcd or kubernetes or file'],
  ])("refuses %j", (words, reason) => {
    expect(usageErrorOf(words)).toContain(reason);
  });
});

describe("store", () => {
  it.each([
    [["--store=etcd"], "etcd"],
    [["--store=file", "--store-path=/var/lib/tweed"], "file"],
    [["--store", "kubernetes"], "kubernetes"],
    [["--store=kubernetes", "--kube-subnet-mgr"], "kubernetes"],
    [["--kube-subnet-mgr=false"], "etcd"],
  ])("%j means %s", (words, kind) => {
    expect(optionsOf(words, { NODE_NAME: "n" }).store.kind).toBe(kind);
  });

  it.each([
    [["--store=etcd", "--kube-subnet-mgr"], "check flag --store: etcd contradicts --kube-subnet-mgr"],
    [["--store=file", "--kube-subnet-mgr", "--store-path=/x"], "check flag --store: file contradicts"],
    [["--store=file"], "check flag --store-path: missing"],
    [["--store-path=/x"], "check flag --store-path: the etcd store has no directory"],
    [["--etcd-certfile=/c"], "check flag --etcd-keyfile: missing"],
    [["--etcd-keyfile=/k"], "check flag --etcd-certfile: missing"],
    [["--etcd-username=u"], "check flag --etcd-password: missing"],
    [["--etcd-password=hunter2"], "check flag --etcd-username: missing"],
    [["--etcd-prefix="], "check flag --etcd-prefix: empty"],
    [["--etcd-endpoints="], "check flag --etcd-endpoints: endpoint 1"],
    [["--etcd-endpoints=http://a:1,,http://b:1"], "endpoint 2"],
    [["--etcd-endpoints=ftp://a"], 'endpoint 1 is "ftp://a"'],
    [["--etcd-endpoints=http://u:hunter2@a:1"], "endpoint 1 contains credentials"],
    [
      ["--store=kubernetes", "--kube-api-url=https://u:hunter2@a"],
      "check flag --kube-api-url: contains credentials",
    ],
  ])("refuses %j", (words, reason) => {
    const message = usageErrorOf(words);
    expect(message).toContain(reason);
    expect(message).not.toContain("hunter2");
  });

  it("takes blanks around endpoints, addresses of any scheme and a CA alone", () => {
    const list = "https://[2001:db8::1]:2379, etcd.local:2379 ,unix:///run/etcd.sock";
    expect(optionsOf([`--etcd-endpoints=${list}`, "--etcd-cafile=/ca.pem"]).store).toMatchObject({
      endpoints: ["https://[2001:db8::1]:2379", "etcd.local:2379", "unix:///run/etcd.sock"],
      tls: { caFile: "/ca.pem", clientCertificate: null },
    });
  });

  it.each([
    ["/coreos.com/network/", "/coreos.com/network"],
    ["//a///b", "/a/b"],
    ["a/b", "a/b"],
    ["/", ""],
  ])("normalises the prefix %s", (given, prefix) => {
    expect(optionsOf([`--etcd-prefix=${given}`]).store).toMatchObject({ prefix });
  });
});

describe("the CNI configuration", () => {
  const environment = { NODE_NAME: "n" };

  it.each<[string[], string | null]>([
    [["--store=kubernetes"], "/etc/cni/net.d/10-tweed.conflist"],
    [["--store=kubernetes", "--cni-conf=none"], null],
    [["--store=kubernetes", "--cni-conf=/opt/cni/x.conflist"], "/opt/cni/x.conflist"],
    [[], null],
    [["--cni-conf=/opt/cni/x.conflist"], "/opt/cni/x.conflist"],
  ])("with %j is %s", (words, confFile) => {
    expect(optionsOf(words, environment).cni?.confFile ?? null).toBe(confFile);
  });

  it.each([
    "",
    "None",
    "10-tweed.conflist",
    "/etc/cni/net.d/10-tweed.conf",
    "/etc/cni/.conflist/",
    "/.conflist",
  ])("is not %j", (text) => {
    expect(usageErrorOf([`--cni-conf=${text}`])).toContain("expected none, or a path that ends in .conflist");
  });

  it("has a template of its author's, which without it is probably a mistake", () => {
    const words = ["--cni-conf-template=/t.json"];
    expect(optionsOf(["--store=kubernetes", ...words], environment).cni?.templateFile).toBe("/t.json");
    expect(read(words).warnings).toEqual([expect.stringContaining("--cni-conf-template")]);
  });
});

describe("environment", () => {
  it("stands in for flags and is overruled by them", () => {
    const environment = { FLANNELD_IFACE: "eth7", FLANNELD_IP_MASQ: "true", FLANNELD_HEALTHZ_PORT: "1" };
    expect(optionsOf(["--healthz-port=2"], environment)).toMatchObject({
      underlay: { ifaces: ["eth7"] },
      firewall: { masquerade: true },
      health: { port: 2 },
    });
  });

  it("is refused with the variable's name", () => {
    expect(usageErrorOf([], { FLANNELD_PUBLIC_IP: "eth0" })).toBe(
      'read environment variable FLANNELD_PUBLIC_IP: "eth0" given, expected an IPv4 address such as 192.0.2.7',
    );
  });

  it("names systemd's socket", () => {
    expect(optionsOf([], { NOTIFY_SOCKET: "@notify" }).notifySocket).toBe("@notify");
    expect(optionsOf([], { NOTIFY_SOCKET: "" }).notifySocket).toBeNull();
  });
});

describe("klog's flags", () => {
  it("are taken, and -v sets the verbosity", () => {
    const words = ["-v=2", "--logtostderr", "-vmodule", "a=1", "--log_dir=/tmp", "--stderrthreshold=INFO"];
    expect(optionsOf(words).logLevel).toBe("debug");
    expect(optionsOf(["-v=0"]).logLevel).toBe("info");
  });
});

describe("help and version", () => {
  it("come before the environment is read", () => {
    expect(readCommandLine(["--version"], { FLANNELD_PUBLIC_IP: "junk" })).toEqual({ kind: "version" });
    expect(readCommandLine(["--help"], {})).toMatchObject({
      kind: "help",
      usage: expect.stringContaining("--etcd-endpoints"),
    });
  });

  it("do not hide a malformed flag", () => {
    expect(usageErrorOf(["--version", "--nonsense"])).toContain("--nonsense");
  });
});

describe("warnings", () => {
  it("name variables without a flag, and never their values", () => {
    const { warnings } = read([], {
      FLANNELD_IPMASQ: "true",
      FLANNELD_ETCD_PASSWROD: "hunter2",
      FLANNELD_FROBNICATE: "x",
      // What Kubernetes sets beside a Service of that name, an empty one, and others'.
      FLANNELD_SERVICE_HOST: "10.0.0.1",
      FLANNELD_SERVICE_PORT_HTTP: "80",
      FLANNELD_PORT: "tcp://10.0.0.1:80",
      FLANNELD_PORT_80_TCP_ADDR: "10.0.0.1",
      FLANNELD_EMPTY: "",
      FLANNEL_IPMASQ: "true",
    });
    expect(warnings).toEqual([
      "environment variable without a flag: FLANNELD_IPMASQ; did you mean FLANNELD_IP_MASQ?",
      "environment variable without a flag: FLANNELD_ETCD_PASSWROD; did you mean FLANNELD_ETCD_PASSWORD?",
      "environment variable without a flag: FLANNELD_FROBNICATE",
    ]);
  });

  it("tell of words that are ignored, without showing them", () => {
    const { warnings } = read(["--ip-masq", "true", "--etcd-password=hunter2"]);
    expect(warnings).toEqual([expect.stringContaining("the last 2 word(s)")]);
    expect(warnings.join()).not.toContain("hunter2");
  });

  it("tell of certificates and passwords on a plain connection", () => {
    const secure = ["--etcd-username=u", "--etcd-password=p", "--etcd-cafile=/ca"];
    expect(read(["--etcd-endpoints=http://a:1,https://b:1", ...secure]).warnings).toHaveLength(2);
    expect(read(["--etcd-endpoints=https://a:1", ...secure]).warnings).toEqual([]);
  });
});

describe("secrets", () => {
  const options = optionsOf(["--iface-regex=^en", "--etcd-username=u", "--etcd-password=hunter2"]);

  it("are readable by who needs them", () => {
    expect(options.store.kind === "etcd" && options.store.credentials?.password.reveal()).toBe("hunter2");
  });

  it("show in no way of printing the options", () => {
    const password = options.store.kind === "etcd" ? options.store.credentials?.password : undefined;
    const texts = [JSON.stringify(options), inspect(options, { depth: 9 }), `${password}`];
    for (const text of texts) {
      expect(text).not.toContain("hunter2");
      expect(text).toContain("[redacted]");
    }
  });

  it("show as redacted in the log fields, beside what is no secret", () => {
    expect(describeOptions(options)).toMatchObject({
      store: { credentials: { username: "u", password: "[redacted]" } },
      underlay: { ifaceRegexes: ["^en"] },
    });
  });
});
