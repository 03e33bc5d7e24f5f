/**
 * Turns what the operating system says into a `DatabaseError`: the operation and the path first, then
 * the reason in words, with the system's error kept as the cause.
 */
import { DatabaseError, type ErrorCode } from '../errors.ts';

const reasons: Record<string, string> = {
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full: no space left on the device',
  EDQUOT: 'the disk quota is used up',
  EMFILE: 'too many open files in this process (see ulimit -n)',
  ENFILE: 'too many open files on this machine',
  EIO: 'the device reported an input/output error',
  EBADF: 'the file is not open for this',
  ENOTDIR: 'a part of the path is not a directory',
  EISDIR: 'it is a directory, not a file',
  ENOENT: 'no such file or directory',
  EEXIST: 'it exists already',
  EXDEV: 'the two paths are on different devices',
  EMLINK: 'the file has as many names as the file system allows',
};

/** All others are `IO`. */
const codes: Record<string, ErrorCode> = { ENOENT: 'NOT_FOUND', EEXIST: 'ALREADY_EXISTS' };

/** `operation` reads as "cannot <operation> <path>". */
export function ioError(operation: string, path: string, cause: unknown): DatabaseError {
  const systemCode = systemErrorCode(cause);
  const reason = reasons[systemCode] ?? (cause instanceof Error ? cause.message : String(cause));
  return new DatabaseError(codes[systemCode] ?? 'IO', `cannot ${operation} ${path}: ${reason}`, {
    cause,
  });
}

/** What a system answers when two names cannot share a file, though there is nothing wrong with either. */
const linkRefusals = ['EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'];

/** Whether `FileSystem.link` failed because the two paths cannot share a file: a copy may still succeed. */
export function isLinkRefused(error: unknown): boolean {
  return error instanceof DatabaseError && linkRefusals.includes(systemErrorCode(error.cause));
}

/** The system's name for an error (`ENOSPC`), or an empty string when it has none. */
export function systemErrorCode(error: unknown): string {
  const isNamed = error instanceof Error && 'code' in error && typeof error.code === 'string';
  return isNamed ? (error.code as string) : '';
}

/** An error as the operating system would throw it, for file systems that only play one. */
export function systemError(code: string): Error {
  return Object.assign(new Error(code), { code });
}
