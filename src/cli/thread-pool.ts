/**
 * Room in the pool of threads that Node reads files and looks up names on. Two of them wait in poll for the kernel's events
 * and answers for as long as the daemon lives, and look-ups that hang may take half of the pool (libuv's uv__work_submit): of
 * Node's four that left none. A thread that has nothing to do costs some 20 KB.
 *
 * libuv reads the variable when the pool is first used, so this comes before all that could use it.
 */
const THREADS = 12;

process.env.UV_THREADPOOL_SIZE ??= String(THREADS);
