/**
 * `npm run bench:peers`: installs what the benches compare with into `bench/peers`. All of them are
 * optional dependencies: one that does not install is reported and left out, and the benches do
 * without it.
 *
 * Native peers compile against the headers of the running Node. A Node without them beside it (most
 * container images, version managers that fetch only the binary) gets them from the npm package that
 * carries the same version of Node, so that nothing but the npm registry is needed.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { root } from './built.mjs';

const peers = join(root, 'bench/peers');

function install(packages, folder, environment = {}) {
  const options = ['--no-save', '--no-package-lock', '--no-audit', '--no-fund'];
  spawnSync('npm', ['install', ...options, ...packages], {
    cwd: folder,
    stdio: 'inherit',
    env: { ...process.env, ...environment },
    shell: process.platform === 'win32', // There npm is a script.
  });
}

/** Whether `folder/include/node` are the headers of the running major version. */
function hasHeaders(folder) {
  const header = join(folder, 'include/node/node_version.h');
  if (!existsSync(header)) return false;
  const major = /#define NODE_MAJOR_VERSION (\d+)/.exec(readFileSync(header, 'utf8'))?.[1];
  return major === process.versions.node.split('.')[0];
}

/** A folder with `include/node`, or undefined: then node-gyp looks for headers by itself. */
function findHeaders(temporary) {
  const beside = dirname(dirname(process.execPath));
  if (hasHeaders(beside)) return beside;
  const carrier = `node-${process.platform}-${process.arch}`;
  console.log(`no Node headers in ${beside}: taking them from the npm package ${carrier}`);
  writeFileSync(join(temporary, 'package.json'), '{ "private": true }\n');
  install([`${carrier}@${process.versions.node}`], temporary);
  const carried = join(temporary, 'node_modules', carrier);
  return hasHeaders(carried) ? carried : undefined;
}

/** hnswlib as a program of its own: compiled for this very processor from the sources inside the package. */
function compileHnswlib() {
  const sources = join(peers, 'node_modules/hnswlib-node/src');
  const build = join(peers, 'native/build');
  if (!existsSync(sources)) return 'needs hnswlib-node, left out';
  mkdirSync(build, { recursive: true });
  const flags = ['-O3', '-march=native', '-DNDEBUG', '-std=c++17', '-pthread', `-I${sources}`];
  const files = [join(peers, 'native/hnswlib.cc'), '-o', join(build, 'hnswlib')];
  const { status } = spawnSync(process.env.CXX ?? 'c++', [...flags, ...files], {
    stdio: 'inherit',
  });
  return status === 0 ? 'compiled' : 'did not compile, left out';
}

const temporary = mkdtempSync(join(tmpdir(), 'stratavec-headers-'));
try {
  const headers = findHeaders(temporary);
  const environment = headers === undefined ? {} : { npm_config_nodedir: headers };
  const wanted = JSON.parse(readFileSync(join(peers, 'package.json'), 'utf8')).optionalDependencies;
  install([], peers, environment);
  for (const [name, version] of Object.entries(wanted)) {
    const installed = existsSync(join(peers, 'node_modules', name, 'package.json'));
    console.log(`${name} ${version}: ${installed ? 'installed' : 'did not install, left out'}`);
  }
  console.log(`hnswlib-native: ${compileHnswlib()}`);
} finally {
  rmSync(temporary, { recursive: true, force: true });
}
