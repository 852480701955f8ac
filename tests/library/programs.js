// Programs in a folder of their own that use a client library, and what they print.
'use strict';

const { spawn } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

const PROGRAM_MS_MAX = 60_000;

/**
 * Runs a program without WebSocket and resolves with `{ code, happened, stderr }`: what each case
 * has printed, one list per line. In the folder `bare.cjs` takes the WebSocket away.
 */
async function run(folder, name, url, cases, environment = {}) {
  const args = ['--require', './bare.cjs', name, JSON.stringify([url, cases])];
  const env = { ...process.env, ...environment };
  // One that reconnects for ever would never end.
  const child = spawn(process.execPath, args, { cwd: folder, env, timeout: PROGRAM_MS_MAX });
  const output = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr']) {
    child[stream].setEncoding('utf8').on('data', (text) => (output[stream] += text));
  }
  const code = await new Promise((resolve) => child.on('close', resolve));
  const happened = Object.fromEntries(Object.keys(cases).map((key) => [key, []]));
  for (const line of output.stdout.split('\n').filter(Boolean)) {
    const [key, ...event] = JSON.parse(line);
    happened[key].push(event.filter((part) => part !== null));
  }
  return { code, happened, stderr: output.stderr };
}

/** Has the package `ws` where programs of the folder find it. */
function installWs(folder) {
  fs.mkdirSync(path.join(folder, 'node_modules'));
  const installed = path.dirname(require.resolve('ws/package.json'));
  fs.symlinkSync(installed, path.join(folder, 'node_modules/ws'));
}

module.exports = { installWs, run };
