/**
 * The sessions of a page: its blocks of TypeScript, run as they stand there, in their order, on the folders of one
 * temporary directory. What a session prints stands behind an arrow in its comments.
 */
import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { format } from 'node:util';
import * as stratavec from '../src/index.ts';

const MODULES = { stratavec, 'node:fs/promises': { rm } };

export interface Session {
  /** What stands behind the arrows, line by line. */
  readonly said: string[];
  /** Runs it; gives the lines that it printed. */
  run(directory: string): Promise<string[]>;
}

export function sessionsOf(page: string): Session[] {
  const blocks = readFileSync(page, 'utf8').matchAll(/```ts\n([\s\S]*?)```/g);
  return [...blocks].map(([, code]) => ({
    said: [...code.matchAll(/\/\/ → (.*)$/gm)].map(([, line]) => line),
    run: async (directory) => {
      const lines: string[] = [];
      const log = (...values: unknown[]): void => void lines.push(format(...values));
      await new Function('modules', 'console', asFunction(code, directory))(MODULES, { log });
      return lines;
    },
  }));
}

/** Without types, with imports from what is given, and with its folders in a directory. */
function asFunction(code: string, directory: string): string {
  const body = code
    .replace(/^import (\{.*\}) from ('[^']+');.*$/gm, 'const $1 = modules[$2];')
    .replace(/^interface \w+ \{[\s\S]*?^\}$/gm, '')
    .replace(/\.collection<[^>]*>/g, '.collection')
    .replaceAll("'./", `'${directory}/`);
  return `return (async () => { ${body} })();`;
}
