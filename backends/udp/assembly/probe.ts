/** Single steps, for measurements and tests. */
import { routeTo } from "./forwarding-table";
import { beginPass, endPass } from "./lane";

/** Does `times` lookups, cycling over `count` addresses of 16 bytes each from `at` on. Returns how many had a route. */
export function probeRoutes(at: usize, count: u32, times: u32, family: u32): u32 {
  beginPass(0);
  let found: u32 = 0;
  let index: u32 = 0;
  for (; times != 0; times--) {
    if (routeTo(v128.load(at + (index << 4)), family) != null) found++;
    if (++index == count) index = 0;
  }
  endPass();
  return found;
}
