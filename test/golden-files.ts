/**
 * The files of a directory as text that can be committed and read: a line for each file, then its bytes,
 * 32 to a line. Lines of zeros are left out.
 */
import type { FileSystem } from '../src/storage/file-system.ts';

const LINE_BYTES = 32;

export interface GoldenFile {
  /** Within the directory. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

export function readFiles(fileSystem: FileSystem, directory: string): GoldenFile[] {
  return fileSystem.list(directory).map((name) => {
    const file = fileSystem.open(`${directory}/${name}`, 'read');
    const bytes = new Uint8Array(file.size());
    file.readInto(bytes, 0);
    file.close();
    return { name, bytes };
  });
}

export function writeFiles(
  fileSystem: FileSystem,
  directory: string,
  files: readonly GoldenFile[],
): void {
  for (const { name, bytes } of files) {
    const path = `${directory}/${name}`;
    fileSystem.makeDirectory(path.slice(0, path.lastIndexOf('/')));
    const file = fileSystem.open(path, 'create');
    file.write(bytes, 0);
    file.close();
  }
}

export function toText(files: readonly GoldenFile[]): string {
  const lines = files.flatMap(({ name, bytes }) => {
    const shown = [`file ${name} ${bytes.length}`];
    for (let start = 0; start < bytes.length; start += LINE_BYTES) {
      const hex = Buffer.from(bytes.subarray(start, start + LINE_BYTES)).toString('hex');
      if (/[^0]/.test(hex)) shown.push(`${start.toString(16).padStart(6, '0')} ${hex}`);
    }
    return shown;
  });
  return `${lines.join('\n')}\n`;
}

export function fromText(text: string): GoldenFile[] {
  const files: GoldenFile[] = [];
  for (const line of text.trimEnd().split('\n')) {
    const [first, second, third] = line.split(' ');
    if (first === 'file') files.push({ name: second, bytes: new Uint8Array(Number(third)) });
    else files[files.length - 1].bytes.set(Buffer.from(second, 'hex'), Number.parseInt(first, 16));
  }
  return files;
}
