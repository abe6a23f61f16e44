import { beforeEach, describe, expect, it } from "vitest";
import type { PeerPath } from "../../../src/agent/network-plan.ts";
import { PathLog } from "../../../src/agent/switch-over/path-log.ts";
import { RecordingLog } from "../../support/recording-log.ts";

const pathsBy = (channel: string, count: number, first = 1): PeerPath[] =>
  Array.from({ length: count }, (_, index) => ({
    peer: `peer${first + index}`,
    channel,
    reason: "preferred by both",
  }));

let log: RecordingLog;
let paths: PathLog;
beforeEach(() => {
  log = new RecordingLog();
  paths = new PathLog(log);
});

describe("the log of paths", () => {
  it("has a line for each new path, with the backend and the reason", () => {
    paths.report(pathsBy("vxlan 1", 1));
    expect(log.lines).toEqual([
      {
        level: "info",
        message: "path chosen",
        fields: { op: "choose-path", peer: "peer1", backend: "vxlan 1", reason: "preferred by both" },
      },
    ]);
  });

  it("has a line for what changes, and none for what does not", () => {
    paths.report(pathsBy("vxlan 1", 3));
    log.lines.length = 0;
    paths.report(pathsBy("vxlan 1", 3));
    expect(log.lines).toEqual([]);
    paths.report([...pathsBy("vxlan 1", 2), ...pathsBy("udp", 1, 3)]);
    expect(log.lines.map(({ fields }) => [fields.peer, fields.backend])).toEqual([["peer3", "udp"]]);
  });

  it("has a line for a peer that was without a path", () => {
    paths.report(pathsBy("vxlan 1", 1));
    paths.report([]);
    paths.report(pathsBy("vxlan 1", 1));
    expect(log.lines).toHaveLength(2);
  });

  it("has a line for each of 16 changes, and one for all of more", () => {
    paths.report(pathsBy("vxlan 1", 16));
    expect(log.lines).toHaveLength(16);
    log.lines.length = 0;
    paths.report([...pathsBy("udp", 17), ...pathsBy("host-gw", 2, 18)]);
    expect(log.lines).toEqual([
      {
        level: "info",
        message: "paths changed",
        fields: { op: "choose-path", count: 19, reason: "17 peers by udp, 2 peers by host-gw" },
      },
    ]);
  });
});
