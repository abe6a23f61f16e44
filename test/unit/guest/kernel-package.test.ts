import { expect, test } from "vitest";
import { newestKernel } from "../../guest/kernel-package.ts";

const NAMES = [
  "linux-image-6.1.0-9-amd64",
  "linux-image-6.1.0-56-amd64",
  "linux-image-6.1.0-57-cloud-amd64",
  "linux-image-6.1.0-57-rt-amd64",
  "linux-image-6.1.0-57-amd64-unsigned",
  "linux-image-6.1.0-57-amd64-dbg",
  "linux-image-6.12.117+deb12-amd64",
  "linux-image-6.12.9+deb12-amd64",
  "linux-image-6.12.118+deb12-cloud-amd64",
  "linux-image-6.12-amd64",
];

test("the newest signed kernel of the line is taken, by number and not by text", () => {
  expect(newestKernel(NAMES, "6.1")).toBe("linux-image-6.1.0-56-amd64");
  expect(newestKernel(NAMES, "6.12")).toBe("linux-image-6.12.117+deb12-amd64");
});

test("a line that apt does not have has none", () => {
  expect(newestKernel(NAMES, "6.11")).toBeNull();
});
