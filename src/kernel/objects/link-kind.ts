import type { Mac } from "../../net/index.ts";
import type { DirectEffects } from "../netlink/apply.ts";
import type { Attributes } from "../netlink/attributes.ts";
import type { InterfaceIndex, ObservedLink } from "../observed.ts";

/** Common to desired devices of all kinds. */
export interface DesiredLink {
  readonly kind: string;
  readonly name: string;
  readonly mtuBytes: number;
  /** Only for Ethernet devices. */
  readonly mac?: Mac;
}

/** A device's settings that are particular to its kind (IFLA_INFO_DATA). */
export interface OwnSettings {
  readonly kind: string;
}

export interface LinkContext {
  readonly links: ReadonlyMap<string, ObservedLink>;
  /** Devices whose local address the kernel refused to change in place. */
  readonly fixedLocal: ReadonlySet<string>;
}

/** One kind of device. link.ts has what all kinds have in common. */
export interface LinkKind<
  Desired extends DesiredLink = DesiredLink,
  Settings extends OwnSettings = OwnSettings,
  Change extends OwnSettings = OwnSettings,
> {
  /** IFLA_INFO_KIND */
  readonly kind: Desired["kind"];
  /** The names that flannel and Tweed give to such devices. */
  readonly names: RegExp;
  /** It carries Ethernet frames, so a peer needs a neighbour and an FDB entry. */
  readonly isEthernet: boolean;
  /** Name of the device that it depends on; null for none. */
  parentOf(link: Desired): string | null;
  /** Reads IFLA_INFO_DATA. @throws TweedError `netlink-malformed` */
  decode(data: Attributes): Settings;
  /** IFLA_INFO_DATA of a new device. */
  encode(link: Desired, parentIndex: InterfaceIndex): Uint8Array;
  /** Creates a device that netlink cannot create; it is down and has the kernel's default MTU. */
  make?(link: Desired, effects: DirectEffects): void;
  /** The settings that the kernel will report for a new device. */
  settingsOf(link: Desired, parentIndex: InterfaceIndex | null): Settings;
  /** False when the device has to be replaced. An absent parent cannot be compared, and is no difference. */
  isCompatible(want: Desired, have: Settings, context: LinkContext): boolean;
  /** The settings that differ on a compatible device, one change each. */
  changes(want: Desired, have: Settings): readonly Change[];
  /** IFLA_INFO_DATA of a change in place. */
  encodeChange(change: Change): Uint8Array;
  /** In the syntax of ip-link(8), after "NAME type KIND". */
  describe(link: Desired): string;
  describeChange(change: Change): string;
}

export type DesiredOf<Kind> = Kind extends LinkKind<infer Desired, infer _S, infer _C> ? Desired : never;
export type SettingsOf<Kind> = Kind extends LinkKind<infer _D, infer Settings, infer _C> ? Settings : never;
export type ChangeOf<Kind> = Kind extends LinkKind<infer _D, infer _S, infer Change> ? Change : never;
