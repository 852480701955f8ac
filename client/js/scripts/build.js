// Builds what the package ships: for Node.js, and for browsers, which need no WebSocket of ours,
// one file each for `import` and for `require`.

const { build } = await import('esbuild').catch(() => {
  console.error('The build of allspark-client needs its development packages: run `npm ci` first.');
  process.exit(1);
});

const { writePlugins } = await import('./plugins.js');

const common = {
  bundle: true,
  target: 'es2022',
  logLevel: 'warning',
};

// `require` gives the class itself, as `require` of a client of npm primus does.
const commonJs = {
  format: 'cjs',
  footer: { js: 'module.exports = module.exports.Primus;' },
};

await Promise.all([
  writePlugins('dist/plugins'),
  build({
    ...common,
    entryPoints: ['src/index.js'],
    format: 'esm',
    outfile: 'dist/primus.mjs',
  }),
  build({
    ...common,
    ...commonJs,
    entryPoints: ['src/index.js'],
    // Where the module lies is called otherwise there.
    define: { 'import.meta.url': '__filename' },
    outfile: 'dist/primus.cjs',
  }),
  build({
    ...common,
    entryPoints: ['src/browser.js'],
    format: 'esm',
    outfile: 'dist/primus.browser.mjs',
    minify: true,
  }),
  build({
    ...common,
    ...commonJs,
    entryPoints: ['src/browser.js'],
    outfile: 'dist/primus.browser.cjs',
    minify: true,
  }),
]);
