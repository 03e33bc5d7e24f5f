/** Peers are installed apart (`npm run bench:peers`); a bench does without those that are not there. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

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

export function isInstalled(peer: string): boolean {
  return existsSync(join(dirname(manifest), 'node_modules', peer, 'package.json'));
}

/** The caller says what the package exports: its types are not installed with the project. */
export function requirePeer<Module>(peer: string): Module {
  return createRequire(manifest)(peer) as Module;
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
