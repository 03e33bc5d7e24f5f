/** Errors of the library as the command line tells them: without what programs can do, with what its user can. */

/** What programs can do about it, and a command line cannot, is left out. */
export function wordsFor({ message }: Error): string {
  return message.replace(', or wait longer for it (lockTimeoutMs)', '');
}

/** What to do next, where the library cannot know that it is a command line that asked. */
export function hintFor({ code, message }: { code: string; message: string }): string {
  switch (code) {
    case 'CORRUPTION':
      // An open says so itself; the rest of a backup is to be deleted.
      return message.includes('stratavec repair') || message.includes('is unfinished')
        ? ''
        : '; keep a copy of the folder, then run `stratavec repair DIR`';
    case 'IO':
      if (/disk is full|quota/u.test(message)) return '; make room, and run it again';
      return /denied|not permitted|read-only$/u.test(message)
        ? '; run it as the owner of the folder, or choose another one'
        : '';
    default:
      return '';
  }
}
