/** The interface as a type: what a backend cannot say is refused by the compiler, which checks this file with all others. */
import { describe, expect, expectTypeOf, it } from "vitest";
import {
  type Backend,
  type BackendPlan,
  NO_PEERS,
  type Peer,
  type Published,
  type WithoutSecrets,
} from "../../../backends/backend.ts";
import type { Effector } from "../../../backends/effector.ts";
import { hostGw } from "../../../backends/host-gw/index.ts";
import { BACKENDS } from "../../../backends/registry.ts";
import type { UdpDataplane } from "../../../backends/udp/dataplane.ts";
import type { UdpForwarding } from "../../../backends/udp/forwarding.ts";
import { udp } from "../../../backends/udp/index.ts";
import { vxlan } from "../../../backends/vxlan/index.ts";
import type { VtepData } from "../../../backends/vxlan/published.ts";
import type { JsonObject } from "../../../src/runtime/json.ts";
import { Secret } from "../../../src/runtime/secret.ts";
import { sampleNode, samplePeer } from "../../support/sample-node.ts";

const { v4 } = samplePeer(2).data;

describe("a backend's own types", () => {
  it("are those of its options, its data and its effect", () => {
    expectTypeOf(vxlan.parseData).returns.toEqualTypeOf<VtepData | string>();
    expectTypeOf(vxlan.conflictKeys).parameter(0).toEqualTypeOf<VtepData>();
    expectTypeOf(vxlan.refuse).parameter(1).toEqualTypeOf<Peer<VtepData>>();
    expectTypeOf(udp.plan).returns.toEqualTypeOf<BackendPlan<UdpForwarding>>();
    expectTypeOf<UdpDataplane>().toExtend<Effector<UdpForwarding>>();
    expectTypeOf(BACKENDS).items.toEqualTypeOf<Backend>();
  });

  it("are nobody else's", () => {
    const plan = () => {
      // @ts-expect-error the options of udp are not those of vxlan
      vxlan.plan(sampleNode(), udp.parseOptions({}, ["v4"]), NO_PEERS);
      // @ts-expect-error what was not read is no data
      vxlan.conflictKeys({ VNI: 1, VtepMAC: "02:00:00:00:00:01" });
      // @ts-expect-error a peer of vxlan is none of host-gw
      hostGw.refuse(sampleNode(), samplePeer(2));
    };
    expect(plan).toBeTypeOf("function");
    if (v4 !== null) expect(vxlan.isOnChannel(v4, vxlan.parseOptions({}, ["v4"]))).toBe(true);
  });

  it("may not be texts: a text is the reason of a refusal", () => {
    // @ts-expect-error data is an object
    expectTypeOf<Backend<null, string, null>>().toBeObject();
  });
});

describe("a secret", () => {
  const secret = new Secret("hunter2");

  it("is no part of an effect, at any depth", () => {
    expectTypeOf<WithoutSecrets<{ readonly key: Secret }>>().toEqualTypeOf<{ readonly key: never }>();
    expectTypeOf<WithoutSecrets<readonly { readonly keys: readonly Secret[] }[]>>().toEqualTypeOf<
      readonly { readonly keys: readonly never[] }[]
    >();
    const effect: BackendPlan<{ readonly peers: readonly { readonly psk: Secret }[] }>["effect"] = {
      // @ts-expect-error
      peers: [{ psk: secret }],
    };
    expect(JSON.stringify(effect)).not.toContain("hunter2");
  });

  it("leaves the type of an effect without one as it is", () => {
    expectTypeOf<WithoutSecrets<UdpForwarding>>().toEqualTypeOf<UdpForwarding>();
  });

  it("is published to nobody, and stands on no page", () => {
    // @ts-expect-error
    const data: Published["data"] = { v4: { key: secret }, v6: null };
    // @ts-expect-error
    const status: JsonObject = { key: secret };
    expect(JSON.stringify([data, status])).not.toContain("hunter2");
  });
});
