// Measures the library as browsers load it, minified with terser and compressed with gzip. Fails
// when it is larger than it may be.

import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

import { build } from 'esbuild';
import { minify } from 'terser';

const SOURCES = fileURLToPath(new URL('../src/', import.meta.url));

// The library as AllSpark's server makes it for websockets and JSON has these defaults. What it
// puts around the modules is another 15 (module) to 65 bytes (script tag), compressed.
const SMALL_DEFAULTS = `
  import { json } from './parsers/json.js';
  import { websocket } from './transports/websocket.js';
  export const defaults = {
    version: '8.0.9',
    pathname: '/primus',
    transformer: 'websockets',
    parser: 'json',
    pingTimeout: 45_000,
    authorization: false,
  };
  export const transports = { websockets: websocket };
  export const parsers = { json };
`;

const smallDefaults = {
  name: 'small-defaults',
  setup({ onLoad }) {
    onLoad({ filter: /[/\\]defaults\.js$/ }, () => ({
      contents: SMALL_DEFAULTS,
      resolveDir: SOURCES,
    }));
  },
};

const LIBRARIES = [
  { name: 'all transformers and parsers', bytesMax: 12_000, plugins: [] },
  { name: 'websockets and json', bytesMax: 5_000, plugins: [smallDefaults] },
];

const sizeOf = async ({ plugins }) => {
  const { outputFiles } = await build({
    entryPoints: [`${SOURCES}primus.js`],
    bundle: true,
    format: 'esm',
    target: 'es2022',
    write: false,
    plugins,
  });
  const { code } = await minify(outputFiles[0].text, { module: true, compress: { passes: 3 } });
  return { plain: code.length, compressed: gzipSync(code, { level: 9 }).length };
};

for (const library of LIBRARIES) {
  const { plain, compressed } = await sizeOf(library);
  const fits = compressed < library.bytesMax;
  const verdict = fits ? 'fits' : 'is TOO LARGE';
  console.log(
    `${library.name}: ${plain} bytes, ${compressed} with gzip; ` +
      `${verdict} (less than ${library.bytesMax})`,
  );
  if (!fits) process.exitCode = 1;
}
