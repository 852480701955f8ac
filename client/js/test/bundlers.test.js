// The package as bundlers put it into pages: `require` and `import` give the class, and nothing of
// Node.js comes along.

import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import vm from 'node:vm';

const require = createRequire(import.meta.url);
const packageFolder = fileURLToPath(new URL('..', import.meta.url));

// What a page does, in a module of each kind. A package of others that uses ours is bundled from
// CommonJS also by those who leave the application's own `require` alone.
const SOURCES = {
  'imported.js': `
    import Primus, { Primus as named } from 'allspark-client';
    globalThis.result = [Primus, named];`,
  'required.cjs': `
    const Primus = require('allspark-client');
    globalThis.result = [Primus, Primus];`,
  'node_modules/user/index.js': `
    const Primus = require('allspark-client');
    module.exports = [Primus, Primus];`,
  'node_modules/user/package.json': '{ "name": "user", "main": "./index.js" }',
  'by-package.js': `
    import result from 'user';
    globalThis.result = result;`,
};

// Each makes one file for script tags of an entry, and returns what it warns of.
const BUNDLERS = {
  async esbuild(entry, out) {
    const { build } = await import('esbuild');
    const options = { entryPoints: [entry], outfile: out, bundle: true, logLevel: 'silent' };
    const { warnings } = await build(options);
    return warnings.map(({ text }) => text);
  },

  async webpack(entry, out, folder) {
    const webpack = require('webpack');
    const output = { path: join(out, '..'), filename: out.split('/').at(-1) };
    const config = { mode: 'production', context: folder, entry, output };
    const stats = await new Promise((resolve, reject) => {
      webpack(config, (error, result) => (error ? reject(error) : resolve(result)));
    });
    const { errors, warnings } = stats.toJson({ all: false, errors: true, warnings: true });
    return [...errors, ...warnings].map(({ message }) => message);
  },

  async rollup(entry, out) {
    const { rollup } = await import('rollup');
    const { nodeResolve } = await import('@rollup/plugin-node-resolve');
    const { default: commonjs } = await import('@rollup/plugin-commonjs');
    const warnings = [];
    const bundle = await rollup({
      input: entry,
      plugins: [nodeResolve({ browser: true }), commonjs()],
      onwarn: ({ message }) => warnings.push(message),
    });
    await bundle.write({ file: out, format: 'iife', name: 'page' });
    return warnings;
  },

  async vite(entry, out, folder) {
    const { build } = await import('vite');
    const fileName = out.split('/').at(-1);
    const warnings = [];
    await build({
      root: folder,
      configFile: false,
      logLevel: 'warn',
      customLogger: quietLogger(warnings),
      build: {
        outDir: join(out, '..'),
        emptyOutDir: false,
        lib: { entry, formats: ['iife'], name: 'page', fileName: () => fileName },
      },
    });
    return warnings;
  },
};

const quietLogger = (warnings) => {
  const warn = (message) => warnings.push(message);
  const nothing = () => {};
  return {
    info: nothing,
    warn,
    warnOnce: warn,
    error: warn,
    clearScreen: nothing,
    hasErrorLogged: () => false,
    hasWarned: false,
  };
};

const PAGE = { URL, TextDecoder, TextEncoder, setTimeout, clearTimeout, WebSocket: class {} };

// An application that has the package installed.
const application = async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'allspark-bundle-'));
  t.after(() => rm(folder, { recursive: true }));
  await mkdir(join(folder, 'node_modules/user'), { recursive: true });
  await mkdir(join(folder, 'out'));
  await symlink(packageFolder, join(folder, 'node_modules/allspark-client'));
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
  for (const [name, text] of Object.entries(SOURCES)) await writeFile(join(folder, name), text);
  return folder;
};

for (const [name, bundle] of Object.entries(BUNDLERS)) {
  test(`${name} gives pages the class`, async (t) => {
    const folder = await application(t);
    for (const entry of Object.keys(SOURCES).filter((file) => !file.includes('/'))) {
      const out = join(folder, 'out', `${name}-${entry}`.replace('.cjs', '.js'));
      assert.deepEqual(await bundle(join(folder, entry), out, folder), [], entry);
      const text = await readFile(out, 'utf8');
      assert.doesNotMatch(text, /getBuiltinModule|node:/, entry);
      const page = vm.createContext({ ...PAGE });
      vm.runInContext(text, page);
      for (const Primus of page.result) {
        const client = new Primus('http://127.0.0.1:1', { manual: true });
        assert.ok(client instanceof Primus, entry);
        assert.equal(client.pathname, '/primus', entry);
        assert.equal(Primus.requires('ws'), undefined, entry);
      }
    }
  });
}
