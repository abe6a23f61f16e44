import { expect, it } from "vitest";
import { GENERATION_REQUEST } from "../../../src/kernel/firewall/nftables/ruleset-message.ts";
import { ReopeningTransport } from "../../../src/kernel/netlink/reopening-transport.ts";
import { RequestSocket } from "../../../src/kernel/netlink/request-socket.ts";
import { systemClock } from "../../../src/runtime/clock.ts";
import { TweedError } from "../../../src/runtime/error.ts";
import { datagram, FakeRequests } from "../../support/fake-netlink.ts";

const broken = new TweedError({ code: "EBADF", operation: "send", reason: "bad file descriptor" });
/** Answers every question with itself. */
const working = () => new FakeRequests((sent) => sent.map((message) => datagram(message)));

class BrokenSocket extends FakeRequests {
  constructor() {
    super(() => []);
  }
  override send(): void {
    throw broken;
  }
}

function socketOn(...sockets: readonly FakeRequests[]) {
  const left = [...sockets];
  const open = () => left.shift() ?? working();
  return new RequestSocket(new ReopeningTransport(open), systemClock);
}

const ask = (socket: RequestSocket) => socket.get(GENERATION_REQUEST, () => "answered");

it("a socket that failed is closed, and the next request goes out by another", async () => {
  const first = new BrokenSocket();
  const socket = socketOn(first, working());
  await expect(ask(socket)).rejects.toBe(broken);
  expect(first.isClosed).toBe(true);
  expect(await ask(socket)).toBe("answered");
});

it("so is one that does not answer", async () => {
  const silent = new FakeRequests(() => []);
  const socket = socketOn(silent, working());
  await expect(ask(socket)).rejects.toMatchObject({ code: "netlink-no-answer" });
  expect(silent.isClosed).toBe(true);
  expect(await ask(socket)).toBe("answered");
});

it("a refusal of the kernel is an answer: the socket stays", async () => {
  const first = working();
  const socket = socketOn(first);
  const refused = new TweedError({ code: "EPERM", operation: "ask", reason: "no" });
  const refuse = () => {
    throw refused;
  };
  await expect(socket.get(GENERATION_REQUEST, refuse)).rejects.toBe(refused);
  expect(first.isClosed).toBe(false);
});

it("one that was closed on purpose stays closed", async () => {
  const socket = socketOn(working());
  socket.close();
  await expect(ask(socket)).rejects.toMatchObject({ code: "EBADF" });
});
