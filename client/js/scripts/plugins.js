// The client halves of AllSpark's plugins, as modules of this package: each is written once, beside
// its server half, and servers compile the same source into the library that they serve.

import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const SOURCES = fileURLToPath(new URL('../../../plugins/src/', import.meta.url));

/** Names and sources of all client halves. */
export const plugins = async () => {
  const found = [];
  for (const entry of await readdir(SOURCES, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    const source = await readFile(`${SOURCES}${entry.name}/client.js`, 'utf8').catch(() => null);
    if (source !== null) found.push({ name: entry.name.replaceAll('_', '-'), source });
  }
  return found;
};

/** Writes them, for `import` and for `require`: what `createSocket` takes as a plugin. */
export const writePlugins = async (folder) => {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  for (const { name, source } of await plugins()) {
    const client = `(\n${source.trimEnd()}\n)`;
    const imported = `export const client = ${client};\nexport default { client };\n`;
    await writeFile(`${folder}/${name}.mjs`, imported);
    await writeFile(`${folder}/${name}.cjs`, `exports.client = ${client};\n`);
  }
};
