import type { Mac } from "../../net/index.ts";
import type { DirectEffects } from "../netlink/apply.ts";
import type { Attributes } from "../netlink/attributes.ts";
import type { InterfaceIndex, ObservedLink } from "../observed.ts";

/** What desired devices of any kind have. */
export interface DesiredLink {
  readonly kind: string;
  readonly name: string;
  readonly mtuBytes: number;
  /** Only for devices of Ethernet. */
  readonly mac?: Mac;
}

/** What the kernel reports of a device beyond what all devices have (IFLA_INFO_DATA). */
export interface OwnSettings {
  readonly kind: string;
}

export interface LinkContext {
  readonly links: ReadonlyMap<string, ObservedLink>;
  /** Devices whose kernel refused another local address in place. */
  readonly fixedLocal: ReadonlySet<string>;
}

/** One kind of device. What all kinds have in common is in link.ts. */
export interface LinkKind<
  Desired extends DesiredLink = DesiredLink,
  Settings extends OwnSettings = OwnSettings,
  Change extends OwnSettings = OwnSettings,
> {
  /** IFLA_INFO_KIND */
  readonly kind: Desired["kind"];
  /** The names that flannel and Tweed give to such devices. */
  readonly names: RegExp;
  /** It carries Ethernet frames, so a peer takes a neighbour and an FDB entry. */
  readonly isEthernet: boolean;
  /** Name of the device that it cannot be made without; null for none. */
  parentOf(link: Desired): string | null;
  /** Reads IFLA_INFO_DATA. @throws TweedError `netlink-malformed` */
  decode(data: Attributes): Settings;
  /** IFLA_INFO_DATA of a new device. */
  encode(link: Desired, parentIndex: InterfaceIndex): Uint8Array;
  /** Makes a device that no request makes, down and with an MTU of the kernel's choice. */
  make?(link: Desired, effects: DirectEffects): void;
  /** The settings that the kernel will report of a new device. */
  settingsOf(link: Desired, parentIndex: InterfaceIndex | null): Settings;
  /**
   * False when only another device can serve. What cannot be compared, such as an absent parent, is no
   * difference.
   */
  isCompatible(want: Desired, have: Settings, context: LinkContext): boolean;
  /** The settings that differ on a compatible device, one change each. */
  changes(want: Desired, have: Settings): readonly Change[];
  /** IFLA_INFO_DATA of a change in place. */
  encodeChange(change: Change): Uint8Array;
  /** In the words of ip-link(8), behind "NAME type KIND". */
  describe(link: Desired): string;
  describeChange(change: Change): string;
}

export type DesiredOf<Kind> = Kind extends LinkKind<infer Desired, infer _S, infer _C> ? Desired : never;
export type SettingsOf<Kind> = Kind extends LinkKind<infer _D, infer Settings, infer _C> ? Settings : never;
export type ChangeOf<Kind> = Kind extends LinkKind<infer _D, infer _S, infer Change> ? Change : never;
