import { describe, expect, it } from "vitest";
import { isDaemon } from "../../../bench/daemon-search.ts";
import { type IperfMeasurement, iperfCommand, readIperf } from "../../../bench/iperf.ts";
import { type MeasurementId, measurementOf } from "../../../bench/measurement.ts";
import { percentile } from "../../../bench/percentiles.ts";
import { pingCommand, readPing } from "../../../bench/ping.ts";
import { deviceDrops, machineCpuS, parseUsage, processCpuS, socketDrops } from "../../../bench/usage.ts";
import { parseIp } from "../../../src/net/index.ts";

const server = { ip: parseIp("10.244.1.2"), port: 5201 };

function iperfMeasurement(id: MeasurementId): IperfMeasurement {
  const measurement = measurementOf(id);
  if (measurement.kind === "tcp" || measurement.kind === "udp") return measurement;
  throw new Error(`${id} is not for iperf3`);
}

describe("iperf3", () => {
  it("is told what to send", () => {
    const flags = (id: MeasurementId) => iperfCommand(iperfMeasurement(id), server, 2).slice(8).join(" ");
    expect(iperfCommand(iperfMeasurement("tcp"), server, 2).slice(0, 8)).toEqual(
      "iperf3 --json -c 10.244.1.2 -p 5201 -t 2".split(" "),
    );
    expect(flags("tcp")).toBe("-P 1");
    expect(flags("tcp-reverse")).toBe("-P 1 -R");
    expect(flags("tcp-16")).toBe("-P 16");
    expect(flags("udp64")).toBe("-u -b 0 -l 64");
  });

  it("takes whole seconds, and no less than one", () => {
    expect(iperfCommand(iperfMeasurement("tcp"), server, 0.4)).toContain("1");
  });

  it("reports a stream by what arrived", () => {
    const json = JSON.stringify({
      end: {
        sum_sent: { retransmits: 7 },
        sum_received: { bytes: 1e9, seconds: 1, bits_per_second: 8e9 },
      },
    });
    expect(readIperf(iperfMeasurement("tcp"), json)).toEqual({
      value: 8,
      gbps: 8,
      retransmits: 7,
      lostPercent: null,
      latencyUs: null,
    });
  });

  it("reports a flood by the packets that arrived", () => {
    // As iperf3 3.12 wrote it.
    const json = JSON.stringify({
      end: {
        sum_received: {
          seconds: 1.003947,
          bytes: 11150144,
          bits_per_second: 88850459.2,
          packets: 310885,
          lost_percent: 43.9,
        },
      },
    });
    const reading = readIperf(iperfMeasurement("udp64"), json);
    expect(reading.value).toBeCloseTo(173.5, 1);
    expect(reading.lostPercent).toBe(43.9);
  });

  it.each([
    ["its own error", '{"start":{},"error":"unable to connect to server"}', /unable to connect/],
    ["another shape", '{"end":{}}', /JSON is not as known/],
    ["no JSON", "iperf3: not found", /printed no JSON: "iperf3: not found"/],
  ])("fails with %s", (_what, json, message) => {
    expect(() => readIperf(iperfMeasurement("tcp"), json)).toThrow(message);
  });
});

describe("ping", () => {
  const output = `PING 10.244.1.2 (10.244.1.2) 56(84) bytes of data.
64 bytes from 10.244.1.2: icmp_seq=1 ttl=62 time=0.084 ms
64 bytes from 10.244.1.2: icmp_seq=2 ttl=62 time=0.080 ms
64 bytes from 10.244.1.2: icmp_seq=3 ttl=62 time=1.20 ms

--- 10.244.1.2 ping statistics ---
4 packets transmitted, 3 received, 25% packet loss, time 6ms
rtt min/avg/max/mdev = 0.080/0.454/1.200/0.527 ms
`;

  it("is read line by line", () => {
    const reading = readPing(output);
    expect(reading.value).toBeCloseTo(84);
    expect(reading.lostPercent).toBeCloseTo(25);
    expect(reading.latencyUs?.max).toBeCloseTo(1200);
    if (reading.latencyUs !== null) expect(percentile(reading.latencyUs, 1)).toBeCloseTo(80);
  });

  it("without an answer fails with its last words", () => {
    expect(() => readPing("4 packets transmitted, 0 received, 100% packet loss, time 6ms\n")).toThrow(
      /100% packet loss/,
    );
  });

  it("sends as many as the time holds, and some in any case", () => {
    expect(pingCommand(server.ip, 1)).toContain("500");
    expect(pingCommand(server.ip, 0.001)).toContain("10");
  });
});

describe("usage", () => {
  it("counts what cores did, without waiting and what was stolen", () => {
    expect(machineCpuS("cpu  100 20 300 9999 777 5 40 888 50 0\ncpu0 1 1 1\n")).toBeCloseTo(4.65);
  });

  it("finds a process's times behind whatever its name is", () => {
    const stat = "42 (no) de (x) S 1 42 42 0 -1 4194560 1 2 3 4 150 50 0 0 20 0 11 0 999";
    expect(processCpuS(stat)).toBe(2);
  });

  it("adds up drops of devices, in both directions", () => {
    const devices = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:     100       1    0    0    0     0          0         0      100       1    0    0    0     0       0          0
  eth0:     100       1    0    3    0     0          0         0      100       1    0    4    0     0       0          0
`;
    expect(deviceDrops(devices)).toBe(7);
  });

  it("adds up drops of UDP sockets, by the names of the columns", () => {
    const protocols = `Tcp: RtoAlgorithm\nTcp: 1
Udp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors
Udp: 10 0 5 10 5 2 0
UdpLite: InDatagrams RcvbufErrors
UdpLite: 0 9
`;
    expect(socketDrops(protocols)).toBe(7);
    expect(socketDrops("")).toBe(0);
  });

  it("of another machine is checked before it is believed", () => {
    const usage = { machineCpuS: 1, daemonCpuS: 1, daemonRssMb: 1, drops: 0 };
    expect(parseUsage(usage, "http://a")).toEqual(usage);
    expect(() => parseUsage({ ...usage, drops: "many" }, "http://a/usage")).toThrow(/read http:\/\/a\/usage/);
  });
});

describe("the search for daemons", () => {
  it.each([
    ["/opt/bin/flanneld --kube-subnet-mgr", true],
    ["node /usr/lib/tweed/dist/tweed.cjs run --iface=eth0", true],
    ["/usr/bin/tweed run", true],
    ["node /usr/lib/tweed/dist/tweed.cjs bench --server", false],
    ["less tweed.cjs", false],
    ["node server.js flanneld", false],
    ["", false],
  ])("takes %j for one: %s", (line, expected) => {
    expect(isDaemon(line.split(" "))).toBe(expected);
  });
});
