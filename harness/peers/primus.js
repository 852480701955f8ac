// Primus itself, on Node.js and ws, as its README sets it up. Heartbeats are off, so that every
// server of the comparison sends the same messages.

import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import Primus from 'primus';
import { parseArguments } from './arguments.js';

const { port, mode } = parseArguments('primus.js');
const require = createRequire(import.meta.url);
const version = (name) => require(`${name}/package.json`).version;

const server = createServer();
const primus = new Primus(server, {
  transformer: 'websockets',
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
  const versions = [`primus ${version('primus')}`, `ws ${version('ws')}`];
  console.log(`version ${versions.join(', ')}, Node.js ${process.version}`);
  console.log(`listening ${server.address().port}`);
});

process.once('SIGTERM', () => process.exit(0));
