/** The kernel's reply to a request: NLMSG_ERROR, and the end of a dump (struct nlmsgerr, linux/netlink.h). */
import { Attributes } from "./attributes.ts";
import { malformed } from "./malformed.ts";
import { align, HEADER_BYTES, type Message, NLM_F, NLMSG } from "./message.ts";

const NLMSGERR_ATTR_MSG = 1;
const ERRNO_BYTES = 4;

export interface Acknowledgement {
  /** 0 for success. */
  readonly errno: number;
  /** The kernel's own explanation (an extended acknowledgement), or "". */
  readonly text: string;
}

/**
 * Reads a message of type NLMSG_ERROR or NLMSG_DONE.
 *
 * @throws TweedError `netlink-malformed`
 */
export function readAcknowledgement(message: Message): Acknowledgement {
  const { body } = message;
  // A successful dump may end with an empty body.
  if (message.type === NLMSG.done && body.length < ERRNO_BYTES) return { errno: 0, text: "" };
  if (body.length < ERRNO_BYTES) throw malformed("acknowledgement", `${body.length} bytes`);
  // The kernel sends it negative. Subtracted, because -0 and 0 are not the same value to Object.is.
  const errno = 0 - new DataView(body.buffer, body.byteOffset).getInt32(0, true);
  if (errno < 0) throw malformed("acknowledgement", `the error number ${-errno} is positive`);
  if ((message.flags & NLM_F.ackTlvs) === 0) return { errno, text: "" };
  const attributes = new Attributes(body.subarray(attributesOffset(message)), "acknowledgement");
  return { errno, text: attributes.text(NLMSGERR_ATTR_MSG) ?? "" };
}

/** Attributes follow the errno, and in an NLMSG_ERROR the quoted part of the request. */
function attributesOffset({ type, flags, body }: Message): number {
  if (type === NLMSG.done) return ERRNO_BYTES;
  if (body.length < ERRNO_BYTES + HEADER_BYTES) throw malformed("acknowledgement", `${body.length} bytes`);
  if ((flags & NLM_F.capped) !== 0) return ERRNO_BYTES + HEADER_BYTES;
  const quotedBytes = new DataView(body.buffer, body.byteOffset).getUint32(ERRNO_BYTES, true);
  if (quotedBytes < HEADER_BYTES || quotedBytes > body.length - ERRNO_BYTES) {
    throw malformed("acknowledgement", `quotes a request of ${quotedBytes} bytes in ${body.length}`);
  }
  return ERRNO_BYTES + align(quotedBytes);
}
