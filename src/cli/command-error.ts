/**
 * What a command cannot do for the user, as one line: what is wrong and what to do next. Errors of the
 * library (`DatabaseError`) are shown the same way; anything else is a bug and shows its stack.
 */
export class CommandError extends Error {
  /** 1: the command failed. 2: the command line was wrong. */
  readonly exitCode: 1 | 2;

  constructor(message: string, options: ErrorOptions & { exitCode?: 1 | 2 } = {}) {
    super(message, options);
    this.name = 'CommandError';
    this.exitCode = options.exitCode ?? 1;
  }
}

/** The command line itself is wrong: exit code 2. */
export function usageError(message: string): CommandError {
  return new CommandError(message, { exitCode: 2 });
}

/** A file of the user cannot be read as it should. `where` names file and row. */
export function inputError(where: string, what: string, cause?: unknown): CommandError {
  return new CommandError(`${where}: ${what}`, { cause });
}

/** Says in words why the operating system refused a path. */
export function describeSystemError(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'ENOENT':
      return 'no such file or folder';
    case 'EACCES':
    case 'EPERM':
      return 'permission denied';
    case 'EISDIR':
      return 'is a folder';
    case 'ENOTDIR':
      return 'is not a folder';
    default:
      return message;
  }
}
