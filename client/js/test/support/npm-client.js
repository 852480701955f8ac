// The client of npm primus as a page loads it, with globals that a test chooses.

import { EventEmitter } from 'node:events';
import { createRequire } from 'node:module';
import vm from 'node:vm';

const NpmServer = createRequire(import.meta.url)('primus');

const server = new NpmServer(new EventEmitter(), {
  transformer: 'websockets',
  pingInterval: false,
});
const library = new vm.Script(server.library(), { filename: 'primus.js' });

// Call it after the clock has been replaced: the client takes the clock of that moment.
export const npmClient = (globals) => {
  const { setTimeout, clearTimeout, setInterval, clearInterval } = globalThis;
  const sandbox = { setTimeout, clearTimeout, setInterval, clearInterval, ...globals };
  // One world of objects, so that errors and dates of the test are those of the client.
  for (const name of ['JSON', 'Object', 'Array', 'Error', 'Date', 'RegExp', 'Uint8Array']) {
    sandbox[name] = globalThis[name];
  }
  library.runInNewContext(sandbox);
  return sandbox.Primus ?? sandbox.window.Primus;
};
