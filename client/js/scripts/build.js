// Builds what the package ships: one file each for Node.js with `import`, for Node.js with
// `require`, and for browsers, which need no WebSocket of ours.

import { build } from 'esbuild';

const common = {
  bundle: true,
  target: 'es2022',
  logLevel: 'warning',
};

await Promise.all([
  build({
    ...common,
    entryPoints: ['src/index.js'],
    format: 'esm',
    outfile: 'dist/primus.mjs',
  }),
  build({
    ...common,
    entryPoints: ['src/index.js'],
    format: 'cjs',
    outfile: 'dist/primus.cjs',
    // `require` gives the class itself, as `require` of a client of npm primus does.
    footer: { js: 'module.exports = module.exports.Primus;' },
  }),
  build({
    ...common,
    entryPoints: ['src/browser.js'],
    format: 'esm',
    outfile: 'dist/primus.browser.mjs',
    minify: true,
  }),
]);
