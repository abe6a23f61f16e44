/** A LinuxKernel on fakes. */
import { LinuxKernel } from "../../src/kernel/linux-kernel.ts";
import { readBody } from "../../src/kernel/netlink/attributes.ts";
import { BLANK_LINK, decodeLink, encodeLink, RTM_LINK } from "../../src/kernel/netlink/link.ts";
import { type Message, NLM_F } from "../../src/kernel/netlink/message.ts";
import type { SysctlState, TunLink } from "../../src/kernel/state.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { TweedError } from "../../src/runtime/error.ts";
import { silentLog } from "../../src/runtime/log.ts";
import { acknowledge, datagram, entry, FakeEvents, FakeRequests, type Queued } from "./fake-netlink.ts";

/** A kernel that answers as `requests` does, without TUN devices and sysctls. */
export function kernelOn(requests: FakeRequests): LinuxKernel {
  const never = () => {
    throw new Error("not in this test");
  };
  return new LinuxKernel(
    { requests, openEvents: () => new FakeEvents(), createTun: never, writeSysctl: never },
    { clock: systemClock, log: silentLog },
  );
}

/**
 * A kernel with devices by name and nothing else: it answers questions about them, makes and deletes them, and
 * treats every other request as `treat` says (an errno). Of sysctls it refuses "bad", and "1" as if they were
 * read-only.
 */
export function fakeKernel(devices: Record<string, number>, treat: (request: Message) => number = () => 0) {
  const links = new Map(Object.entries(devices));
  const changes: Message[] = [];
  const sysctls: SysctlState[] = [];
  const tuns: TunLink[] = [];
  let nextIndex = 100;
  const answer = (request: Message): Queued[] => {
    if (request.type === RTM_LINK.get) {
      const index = links.get(askedName(request));
      if (index === undefined) return [datagram(acknowledge(request, 19))];
      return [
        datagram(
          entry(request, RTM_LINK.new, encodeLink({ ...BLANK_LINK, index, name: askedName(request) })),
        ),
      ];
    }
    changes.push(request);
    const errno = treat(request);
    if (errno === 0 && request.type === RTM_LINK.new && (request.flags & NLM_F.create) !== 0) {
      links.set(decodeLink(request.body).name ?? "", nextIndex++);
    }
    return [datagram(acknowledge(request, errno))];
  };
  const requests = new FakeRequests((sent) => sent.flatMap(answer));
  const kernel = new LinuxKernel(
    {
      requests,
      openEvents: () => new FakeEvents(),
      createTun: (link) => {
        tuns.push(link);
        links.set(link.name, nextIndex++);
      },
      writeSysctl: (sysctl) => {
        const code = { bad: "sysctl-refused", "1": "sysctl-read-only" }[sysctl.value];
        if (code !== undefined) throw new TweedError({ code, operation: "set", reason: sysctl.value });
        sysctls.push(sysctl);
      },
    },
    { clock: systemClock, log: silentLog },
  );
  return { kernel, requests, changes, links, sysctls, tuns };
}

const text = new TextDecoder();

function askedName(request: Message): string {
  const name = readBody(request.body, 16, "link").attributes.bytes(3);
  return text.decode(name ?? undefined).replaceAll("\0", "");
}
