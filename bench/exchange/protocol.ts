/**
 * Request and response of one byte each. The request says what follows the response: more requests, or the server's
 * close. Because the server closes first, it holds the state TIME-WAIT and the client's ports are free.
 */
export const REQUEST = { keep: 0x6b, close: 0x63 } as const;

export const EXCHANGE_TIMEOUT_MS = 200;
