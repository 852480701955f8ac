// Primus itself, on Node.js and the package of the transformer, as its README sets it up.
// Heartbeats are off, so that every server of the comparison sends the same messages.

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import Primus from 'primus';
import { parseArguments } from './arguments.js';

/** The package that each transformer needs. */
const PACKAGES = {
  'browserchannel': 'browserchannel',
  'engine.io': 'engine.io',
  'faye': 'faye-websocket',
  'sockjs': 'sockjs',
  'websockets': 'ws',
};

const { port, mode, options } = parseArguments('primus.js', {
  transformer: { type: 'string', default: 'websockets' },
  cert: { type: 'string', default: '' },
  key: { type: 'string', default: '' },
});

const server = options.cert
  ? createSecureServer({ cert: readFileSync(options.cert), key: readFileSync(options.key) })
  : createServer();
const primus = new Primus(server, {
  transformer: options.transformer,
  parser: 'json',
  pingInterval: false,
});

primus.on('connection', (spark) => {
  spark.on('data', (data) => {
    if (mode === 'echo') spark.write(data);
    else primus.write(data);
  });
});

server.listen({ port, host: '0.0.0.0', backlog: 65535 }, () => {
  const names = ['primus', PACKAGES[options.transformer]];
  const versions = names.map((name) => `${name} ${version(name)}`);
  console.log(`version ${versions.join(', ')}, Node.js ${process.version}`);
  console.log(`listening ${server.address().port}`);
});

/** Packages need not let others import their package.json, so it is read as a file. */
function version(name) {
  const file = new URL(`node_modules/${name}/package.json`, import.meta.url);
  return JSON.parse(readFileSync(file, 'utf8')).version;
}

process.once('SIGTERM', () => process.exit(0));
