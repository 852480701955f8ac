// The entry of the npm package in Node.js: uses our WebSocket where the platform has none, and
// makes classes that match a server, with its plugins.

import { defaults } from './defaults.js';
import { NodeWebSocket } from './node/websocket.js';
import { Primus } from './primus.js';
import { renewAuthorization } from './renewal.js';

Primus.prototype.renewAuthorization = renewAuthorization;

if (!globalThis.WebSocket) defaults.WebSocket = NodeWebSocket;

// Gives a module as `require` finds it from this file, or else from the program or the folder in
// which it runs: a linked package does not lie where it is used.
Primus.requires = Primus.require = (name) => {
  const { argv, cwd, getBuiltinModule } = process;
  const load = getBuiltinModule('node:module').createRequire(import.meta.url ?? `${cwd()}/`);
  let path;
  try {
    path = load.resolve(name);
  } catch {
    path = load.resolve(name, { paths: [argv[1] ?? '', cwd()] });
  }
  return load(path);
};

// A class whose clients match a server (npm's `Primus.createSocket`): `transformer`, `parser`,
// `pathname`, `pingInterval` and `authorization` are as the server has them, `plugin` holds plugins
// by name, or names of plugins. Their client halves and what these need (`library`) are used.
Primus.createSocket = function ({ plugin, pingInterval, ...options } = {}) {
  if (pingInterval !== undefined) {
    options.pingTimeout = pingInterval && pingInterval + Math.round(pingInterval / 2);
  }
  class Socket extends this {
    constructor(url, given) {
      if (url?.url || url?.uri) super({ ...options, ...url });
      else super(url, { ...options, ...given });
    }
  }
  // As any Primus it can be called without `new`.
  const Callable = new Proxy(Socket, { apply: (target, self, args) => new Callable(...args) });
  const { ark, reserved } = this.prototype;
  Object.assign(Socket.prototype, {
    constructor: Callable,
    ark: { ...ark },
    reserved: Object.assign(reserved.bind(Socket.prototype), { events: { ...reserved.events } }),
  });
  Callable.connect = Callable;
  for (const [name, value] of pluginsOf(plugin)) addPlugin(Callable, name, value);
  return Callable;
};

// Names and plugins, which may be modules that are named.
const pluginsOf = (plugin = {}) => {
  const isText = typeof plugin === 'string';
  const pairs = isText ? plugin.split(/[, ]+/).map((name) => [name, name]) : Object.entries(plugin);
  return pairs.map(([name, value]) => {
    return [name, typeof value === 'string' && value ? Primus.requires(value) : value];
  });
};

// Plugins are written for a client that is text: their client half may know `Primus`, and what
// `library` makes, but nothing of the module from which it comes. So it is run from its source.
const addPlugin = (Socket, name, plugin) => {
  const refuse = (what) => {
    throw new Error(`Plugin \`${name}\`: ${what}`);
  };
  if (!name) refuse('the name is empty');
  if (!/^(object|function)$/.test(typeof plugin) || !plugin) refuse('is no object or function');
  const { client, server, library } = plugin;
  if (!client && !server) refuse('has neither a client nor a server function');
  if (Object.hasOwn(Socket.prototype.ark, name)) refuse('there is one of this name already');
  if (client) Socket.prototype.ark[name] = fromSource(Socket, client);
  if (library) run(Socket, library);
};

const run = (Socket, code) =>
  new Function('Primus', 'require', code)(Socket, Primus.requires);

// A method's source is no expression but within an object. What has no source stays what it is.
const fromSource = (Socket, client) => {
  for (const code of [`return (${client}\n)`, `return Object.values({${client}\n})[0]`]) {
    try {
      return run(Socket, code);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
    }
  }
  return client;
};

export { Primus, Primus as default };
