/**
 * The size of the thread pool on which Node reads files and resolves names. Two threads wait in poll for the kernel's
 * events and answers as long as the daemon runs, and lookups that hang may take half of the pool (libuv's
 * uv__work_submit): Node's default of four would leave none. An idle thread costs some 20 KB.
 *
 * libuv reads the variable when the pool is first used, so this module must be imported first.
 */
const THREADS = 12;

process.env.UV_THREADPOOL_SIZE ??= String(THREADS);
