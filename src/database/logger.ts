/** What an injected logger is told: few, short messages with their figures. Without one the library says nothing. */

/** As most loggers and `console` are; what it lacks is left out. It must not throw. */
export interface Logger {
  readonly debug?: LogMethod | undefined;
  readonly info?: LogMethod | undefined;
  readonly warn?: LogMethod | undefined;
}

/** A short message, and its figures by name. */
export type LogMethod = (message: string, details: Readonly<Record<string, unknown>>) => void;

/** @internal Passes warnings on to both who may want them. */
export function warnBoth(
  logger: Logger | undefined,
  onWarning: (warning: Error) => void,
): (warning: Error) => void {
  if (logger?.warn === undefined) return onWarning;
  return (warning) => {
    logger.warn?.(warning.message, { error: warning });
    onWarning(warning);
  };
}

/** @internal Runs `work`, and says at the level of debugging how long it took. */
export async function timed<T>(
  logger: Logger | undefined,
  message: string,
  work: () => Promise<T>,
): Promise<T> {
  if (logger?.debug === undefined) return await work();
  const start = performance.now();
  const result = await work();
  logger.debug(message, { ms: performance.now() - start });
  return result;
}
