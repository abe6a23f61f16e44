/** Leases as flannel and Tweed write them, for seeds, and the words in them. */

export const VXLAN_VALUE =
  '{"PublicIP":"198.18.1.7","PublicIPv6":"fd00:198:18::107","BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"0e:52:a1:00:00:07"},"BackendV6Data":{"VNI":1,"VtepMAC":"0e:52:a1:00:06:07"}}';
const IDENTITY =
  '"TweedNode":{"Id":"00112233445566778899aabbccddeeff","Host":"node7","Machine":"00112233445566778899aabbccddeef0","Product":"00112233445566778899aabbccddeef1","Boot":"00112233445566778899aabbccddeef2","Netns":"00112233445566778899aabbccddeef3"}';

export const LEASE_VALUES: readonly string[] = [
  VXLAN_VALUE,
  '{"PublicIP":"198.18.1.8","PublicIPv6":null,"BackendType":"host-gw"}',
  '{"PublicIP":"198.18.1.9"}',
  '{"PublicIP":"198.18.1.10","PublicIPv6":null,"BackendType":"ipip","BackendData":{"DirectRouting":true}}',
  `{"PublicIP":"198.18.1.11","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"0e-52-a1-00-00-0b","DirectRouting":true},"TweedOffers":[{"BackendType":"vxlan","BackendData":{"VNI":7,"VtepMAC":"0e:52:a1:00:00:0b"}},{"BackendType":"host-gw"},{}],"TweedSources":["10.0.2.15","fd00::15"],${IDENTITY}}`,
  '{"publicip":"198.18.1.12","BACKENDTYPE":"vxlan","backendData":{"vtepmac":"0e:52:a1:00:00:0c"}}',
];

export const LEASE_KEYS: readonly string[] = [
  "10.244.7.0-24",
  "10.244.8.0-24&fd00:10:244:8::-64",
  "0.0.0.0-0&fd00:10:244:9::-64",
  "10.244.1.0-24",
  "10.244.0.0-16",
  "10.244.2.0-24&fd00:10:244:2::-64",
];

export const LEASE_WORDS: readonly string[] = [
  ...["PublicIP", "PublicIPv6", "BackendType", "BackendData", "BackendV6Data", "TweedOffers", "TweedSources"],
  ...["TweedNode", "Id", "Host", "Machine", "Product", "Boot", "Netns", "VNI", "VtepMAC", "DirectRouting"],
  ...[
    "vxlan",
    "host-gw",
    "udp",
    "ipip",
    "wireguard",
    "198.18.1.2",
    "198.18.1.1",
    "10.244.2.7",
    "0.0.0.0",
    "127.0.0.1",
  ],
  ...[
    "fd00:198:18::102",
    "::",
    "::1",
    "fe80::1",
    "::ffff:1.2.3.4",
    "ff02::1",
    "02:00:00:00:04:02",
    "01:00:5e:00:00:01",
  ],
  ...LEASE_KEYS,
  ...[
    "10.244.3.0-32",
    "10.244.255.0-24",
    "fd00:10:244::-48",
    "&",
    "-24",
    "%eth0",
    "00112233445566778899aabbccddeeff",
  ],
];
