import { expect, test } from "vitest";
import { parseUp } from "../../cluster/options.ts";

test("without flags it is two nodes of the oldest version, IPv4, kube-proxy with iptables", () => {
  const plain = { version: "1.34", nodes: 2, families: "v4", proxy: "iptables" };
  expect(parseUp([])).toEqual({ options: plain, images: [] });
});

test("every flag is taken", () => {
  const args = "--nodes 3 --families dual --proxy nftables --version 1.37 --directory /tmp/logs".split(" ");
  expect(parseUp([...args, "--image", "a.tar", "--image", "b.tar"])).toEqual({
    images: ["a.tar", "b.tar"],
    options: { version: "1.37", nodes: 3, families: "dual", proxy: "nftables", directory: "/tmp/logs" },
  });
});

test.each([
  [["--nodes", "0"], '--nodes is "0", expected a whole number from 1 to 50'],
  [["--nodes", "3.0"], '--nodes is "3.0", expected a whole number from 1 to 50'],
  [["--nodes", "51"], '--nodes is "51", expected a whole number from 1 to 50'],
  [["--families", "ipv4"], '--families is "ipv4", expected v4 or v6 or dual'],
  [["--proxy", "ipvs"], '--proxy is "ipvs", expected iptables or nftables'],
  [["--version", "1.20"], '--version is "1.20", expected 1.34 or 1.37'],
  [["--colour", "red"], "Unknown option '--colour'"],
  [["three"], "Unexpected argument 'three'"],
])("%j is refused with what was expected", (args, reason) => {
  expect(() => parseUp(args)).toThrow(`read the options of cluster:up: ${reason}`);
});
