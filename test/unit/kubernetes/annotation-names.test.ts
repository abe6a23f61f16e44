import { describe, expect, it } from "vitest";
import { completePrefix } from "../../../src/lease/kubernetes/annotation-names.ts";

describe("--kube-annotation-prefix", () => {
  it.each([
    ["flannel.alpha.coreos.com", "flannel.alpha.coreos.com/"],
    ["flannel.alpha.coreos.com/", "flannel.alpha.coreos.com/"],
    ["flannel.alpha.coreos.com/prefix", "flannel.alpha.coreos.com/prefix-"],
    ["flannel.alpha.coreos.com/prefix-", "flannel.alpha.coreos.com/prefix-"],
    ["org.com", "org.com/"],
    ["org9.com", "org9.com/"],
    ["org.com/9", "org.com/9-"],
    ["example.com/net", "example.com/net-"],
  ])("%s is completed to %s", (written, complete) => {
    expect(completePrefix(written)).toBe(complete);
  });

  it.each(["org", "org/", "org/prefix", "org.COM", "org.com/PREFIX", "a.b/c/d", "", "/", "a..b", "a.b/c d"])(
    "%j is refused",
    (written) => {
      expect(() => completePrefix(written)).toThrow(/--kube-annotation-prefix.*example\.com/);
    },
  );
});
