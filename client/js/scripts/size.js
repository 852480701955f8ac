// Measures the library with all transformers and parsers as browsers load it, minified with terser
// and compressed with gzip. Fails when it is larger than it may be. What a server makes, with one
// transformer and parser, is measured in tests/library.

import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

import { build } from 'esbuild';
import { minify } from 'terser';

const BYTES_MAX = 12_000;

const { outputFiles } = await build({
  entryPoints: [fileURLToPath(new URL('../src/primus.js', import.meta.url))],
  bundle: true,
  format: 'esm',
  target: 'es2022',
  write: false,
});
const { code } = await minify(outputFiles[0].text, { module: true, compress: { passes: 3 } });
const compressed = gzipSync(code, { level: 9 }).length;
const fits = compressed < BYTES_MAX;
console.log(
  `${code.length} bytes, ${compressed} with gzip; ` +
    `${fits ? 'fits' : 'is TOO LARGE'} (less than ${BYTES_MAX})`,
);
if (!fits) process.exitCode = 1;
