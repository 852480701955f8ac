// The package as it is published: packed, installed into an empty folder, and used from there.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { plugins } from '../scripts/plugins.js';

const run = promisify(execFile);
const folder = fileURLToPath(new URL('..', import.meta.url));

const emptyFolder = async (t) => {
  const path = await mkdtemp(join(tmpdir(), 'allspark-package-'));
  t.after(() => rm(path, { recursive: true }));
  return path;
};

test('it is packed, installed without a network, and works in both kinds of module', async (t) => {
  const path = await emptyFolder(t);
  const names = (await plugins()).map(({ name }) => name).sort();
  const pack = ['pack', '--json', '--ignore-scripts', '--pack-destination', path];
  const { stdout } = await run('npm', pack, { cwd: folder });
  const [{ filename, files }] = Object.values(JSON.parse(stdout));
  assert.deepEqual(files.map((file) => file.path).sort(), [
    'LICENSE',
    'README.md',
    ...names.flatMap((name) => [`dist/plugins/${name}.cjs`, `dist/plugins/${name}.mjs`]),
    'dist/primus.browser.cjs',
    'dist/primus.browser.mjs',
    'dist/primus.cjs',
    'dist/primus.mjs',
    'package.json',
    'types/plugin.d.cts',
    'types/plugin.d.ts',
    'types/primus.d.cts',
    'types/primus.d.ts',
  ]);
  await writeFile(join(path, 'package.json'), '{ "private": true }');
  const install = ['install', '--offline', '--no-audit', '--no-fund', join(path, filename)];
  await run('npm', install, { cwd: path });
  const use = `
    const client = new Primus('http://127.0.0.1:1', { manual: true });
    const Socket = Primus.createSocket({ plugin: './plugin.cjs' });
    const { isPlugged } = new Socket('http://127.0.0.1:1', { manual: true });
    console.log(client instanceof Primus, isPlugged, Primus.requires('./plugin.cjs').name);`;
  const sources = {
    'plugin.cjs': `exports.client = (primus) => (primus.isPlugged = true); exports.name = 'p';`,
    'required.cjs': `const Primus = require('allspark-client'); ${use}`,
    'imported.mjs': `import Primus from 'allspark-client'; ${use}`,
  };
  for (const [name, text] of Object.entries(sources)) await writeFile(join(path, name), text);
  for (const name of ['required.cjs', 'imported.mjs']) {
    const printed = await run(process.execPath, [name], { cwd: path });
    assert.equal(printed.stdout, 'true true p\n', name);
  }
  const modules = JSON.stringify(names.map((name) => `allspark-client/plugins/${name}`));
  const kinds = {
    'plugins.cjs': `const each = ${modules}.map((name) => require(name).client.name);`,
    'plugins.mjs': `const each = await Promise.all(${modules}.map(
      async (name) => (await import(name)).default.client.name));`,
  };
  for (const [name, text] of Object.entries(kinds)) {
    await writeFile(join(path, name), `${text} console.log(JSON.stringify(each));`);
    const printed = await run(process.execPath, [name], { cwd: path });
    assert.deepEqual(JSON.parse(printed.stdout), names.map(() => 'client'), name);
  }
});

test('its license is that of the repository', async () => {
  const read = (path) => readFile(join(folder, path), 'utf8');
  assert.equal(await read('LICENSE'), await read('../../LICENSE'));
});

test('a build without its development packages says in one line what to do', async (t) => {
  const path = await emptyFolder(t);
  for (const name of ['src', 'scripts', 'package.json']) {
    await cp(join(folder, name), join(path, name), { recursive: true });
  }
  const error = await run('npm', ['pack'], { cwd: path }).catch((refusal) => refusal);
  const printed = `${error.stdout}${error.stderr}`.split('\n');
  const lines = printed.filter((line) => /esbuild|npm ci/.test(line));
  assert.deepEqual(lines, [
    'The build of allspark-client needs its development packages: run `npm ci` first.',
  ]);
});
