/** Fields of a log line; their names are listed in LOGGING.md. */
export type LogFields = Readonly<Record<string, unknown>>;

/** The part of pino's logger that the daemon uses; an interface so that tests can record lines. */
export interface Log {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
  child(fields: LogFields): Log;
}

export const silentLog: Log = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLog,
};
