/**
 * Request and response of one byte each. The request says what follows the response: more requests, or the
 * server's close. As the server closes first, the state TIME-WAIT stays with it and the client's ports are free.
 */
export const REQUEST = { keep: 0x6b, close: 0x63 } as const;

export const EXCHANGE_TIMEOUT_MS = 200;
