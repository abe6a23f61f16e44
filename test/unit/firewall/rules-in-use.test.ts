import { expect, test } from "vitest";
import { hasRulesOfOthers, inUseFirst } from "../../../src/kernel/firewall/iptables/rules-in-use.ts";
import { installation } from "../../support/fake-firewall.ts";

const OURS = [
  "*filter",
  ":FORWARD ACCEPT [0:0]",
  ":FLANNEL-FWD - [0:0]",
  '-A FORWARD -m comment --comment "flanneld forward" -j FLANNEL-FWD',
  '-A FLANNEL-FWD -s 10.244.0.0/16 -m comment --comment "flanneld forward" -j ACCEPT',
  "COMMIT",
].join("\n");

test.each([
  ["nothing", "", false],
  ["ours alone", OURS, false],
  ["a policy", OURS.replace("FORWARD ACCEPT", "FORWARD DROP"), true],
  ["a rule of Docker's", `${OURS}\n-A FORWARD -j DOCKER-USER`, true],
])("%s", (_title, saved, isUsed) => {
  expect(hasRulesOfOthers(saved)).toBe(isUsed);
});

const nft = installation("v4", "nft");
const older = { ...installation("v4", "nft"), save: "other-save" };
const DOCKERS = "*nat\n-A OUTPUT -j DOCKER\nCOMMIT";

test.each([
  ["the host's own choice where nobody has rules", "", "", [nft, older]],
  ["the host's own choice where both have", DOCKERS, DOCKERS, [nft, older]],
  ["the host's own choice where only that has", DOCKERS, OURS, [nft, older]],
  ["the other where only that has", OURS, DOCKERS, [older, nft]],
])("%s", async (_title, first, second, expected) => {
  const save = async ({ save }: typeof nft) => (save === nft.save ? first : second);
  expect(await inUseFirst([nft, older], save)).toEqual(expected);
});
