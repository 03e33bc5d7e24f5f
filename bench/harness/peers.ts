/** Peers are installed apart (`npm run bench:peers`); a bench does without those that are not there. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** The folder of package.json: compiled files lie two or three folders below it. */
function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) {
    if (dirname(folder) === folder) throw new Error('there is no package.json above the benches');
    folder = dirname(folder);
  }
  return folder;
}

const manifest: string = join(packageRoot(), 'bench/peers/package.json');

/** Peers that are one package in two forms. */
const packages: Readonly<Record<string, string>> = {
  'usearch-f32': 'usearch',
  'usearch-i8': 'usearch',
};

/** Peers that are programs of our own around a package's sources, compiled by `npm run bench:peers`. */
const programs: Readonly<Record<string, string>> = { 'hnswlib-native': 'hnswlib' };

export function isInstalled(peer: string): boolean {
  if (programs[peer] !== undefined) return existsSync(nativePeer(peer));
  const name = packages[peer] ?? peer;
  return existsSync(join(dirname(manifest), 'node_modules', name, 'package.json'));
}

/** The path of a compiled program. */
export function nativePeer(peer: string): string {
  return join(dirname(manifest), 'native/build', programs[peer]);
}

/** The caller says what the package exports: its types are not installed with the project. */
export function requirePeer<Module>(peer: string): Module {
  return createRequire(manifest)(peer) as Module;
}

/** As `requirePeer`, for a package of ES modules alone. */
export async function importPeer<Module>(peer: string): Promise<Module> {
  const path = createRequire(manifest).resolve(peer);
  return (await import(pathToFileURL(path).href)) as Module;
}

/** Of the peers that a bench knows, those to run: the ones asked for and installed. Says what is left out. */
export function choosePeers(
  known: readonly string[],
  asked: readonly string[] | undefined,
): readonly string[] {
  for (const name of asked ?? []) {
    if (!known.includes(name)) throw new Error(`no peer '${name}'; known: ${known.join(', ')}`);
  }
  const wanted = asked ?? known;
  for (const name of wanted.filter((name) => !isInstalled(name))) {
    console.log(`# ${name} is not installed (npm run bench:peers): left out`);
  }
  return wanted.filter(isInstalled);
}
