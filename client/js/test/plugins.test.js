// Plugins: the client halves of those on npm, unchanged, with our client and a server of npm
// primus, and what a client offers to plugins in general.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';

import Primus from '../src/index.js';
import { fakeTransport } from './support/fake.js';
import { PLAYS, perform } from './support/plugins.js';

const require = createRequire(import.meta.url);
const load = (name) => require(name);
const objectOf = (names, of) => Object.fromEntries(names.map((name) => [name, of(name)]));

// The ways in which `createSocket` is told of plugins, and npm's own client, which judges them all.
const MAKERS = {
  'named in a text': (names) => Primus.createSocket({ plugin: names.join(', ') }),
  'named one by one': (names) => Primus.createSocket({ plugin: objectOf(names, (name) => name) }),
  'as modules': (names) => Primus.createSocket({ plugin: objectOf(names, load) }),
  "with npm primus's client": (names, server) => server.Socket,
};

// Where a plugin does not work, it waits for ever.
const PATIENCE = { timeout: 30_000 };

for (const [name, play] of Object.entries(PLAYS)) {
  for (const [way, make] of Object.entries(MAKERS)) {
    test(`${name} works ${way}`, PATIENCE, async (t) => {
      assert.deepEqual(await perform(t, play, make), play.expected);
    });
  }
}

test('plugins work in a page, where there is no createSocket', PATIENCE, async (t) => {
  t.after(() => delete globalThis.Primus);
  const make = async (names) => {
    globalThis.Primus = class extends Primus {};
    globalThis.Primus.prototype.ark = {};
    for (const name of names) {
      const { client, library } = load(name);
      globalThis.Primus.prototype.ark[name] = client;
      new Function(library)();
    }
    return globalThis.Primus;
  };
  for (const name of ['primus-emitter', 'primus-resource']) {
    assert.deepEqual(await perform(t, PLAYS[name], make), PLAYS[name].expected);
  }
});

test('what npm has on the class and its prototype for plugins, ours has', () => {
  const Npm = load('primus').createSocket({});
  const others = ['super_', 'length', 'name'];
  const statics = Object.getOwnPropertyNames(Npm).filter((name) => !others.includes(name));
  for (const name of statics) assert.equal(typeof Primus[name], typeof Npm[name], name);
  // Its transports are made by a method, ours by functions.
  const members = Object.keys(Npm.prototype).filter((name) => name !== 'client');
  for (const name of members) {
    assert.equal(typeof Primus.prototype[name], typeof Npm.prototype[name], name);
  }
  const methods = Object.keys(Npm.EventEmitter.prototype);
  for (const name of methods) {
    assert.equal(typeof Primus.EventEmitter.prototype[name], 'function', name);
  }
  assert.deepEqual(
    Object.keys(Primus.prototype.reserved.events).sort(),
    Object.keys(Npm.prototype.reserved.events).sort(),
  );
});

test('a plugin may put its own methods in the place of ours', () => {
  const Socket = Primus.createSocket();
  const called = [];
  const replaced = ['initialise', 'timeout', 'heartbeat', 'protocol', 'transforms', '_write'];
  for (const name of [...replaced, 'encoder', 'decoder']) {
    const original = Socket.prototype[name];
    Socket.prototype[name] = function (...args) {
      called.push(name);
      return original.apply(this, args);
    };
  }
  const { connections, transport } = fakeTransport();
  const client = new Socket('http://example.com', { manual: true, transformer: transport });
  assert.equal(client.options.manual, true);
  client.open();
  connections[0].link.opened();
  client.write(1);
  connections[0].link.received('1');
  client.destroy();
  const inOrder = ['initialise', 'timeout', 'heartbeat', 'transforms', '_write', 'encoder'];
  assert.deepEqual(called, [...inOrder, 'decoder', 'protocol', 'transforms']);
});

test('plugins get the client and its options, and what they reserve is reserved', () => {
  const seen = [];
  const Socket = Primus.createSocket({
    plugin: {
      method: {
        client(primus, options) {
          primus.seen = [this === primus, primus instanceof Primus, options.colour];
        },
      },
      arrow: { client: (primus) => (primus.isArrow = true) },
      text: { client: 'function (primus) { primus.isText = Primus.isMarked; }' },
      bound: { client: seen.push.bind(seen) },
      reserving: { client() {}, library: 'Primus.prototype.reserved.events.mine = 1;' },
      marking: { server() {}, library: 'Primus.isMarked = true;' },
    },
  });
  const client = Socket('http://example.com', { manual: true, colour: 'red' });
  assert.ok(client instanceof Socket);
  assert.equal(client.constructor, Socket);
  assert.deepEqual(client.seen, [true, true, 'red']);
  assert.deepEqual([client.isArrow, client.isText, seen[0]], [true, true, client]);
  assert.deepEqual(Object.keys(client.plugin()), ['method', 'arrow', 'text', 'bound', 'reserving']);
  assert.ok(client.reserved('mine') && client.reserved('incoming::open'));
  assert.ok(Socket.connect('http://example.com', { manual: true }) instanceof Socket);
  // Other classes know nothing of it.
  assert.ok(!Primus.prototype.reserved('mine'));
  assert.deepEqual([Primus.isMarked, Object.keys(Primus.prototype.ark)], [undefined, []]);
});

test('a plugin that is none is refused by name', () => {
  for (const [plugin, message] of [
    [{ a: {} }, 'Plugin `a`: has neither a client nor a server function'],
    [{ a: 5 }, 'Plugin `a`: is no object or function'],
    [{ a: null }, 'Plugin `a`: is no object or function'],
    [{ '': { client() {} } }, 'Plugin ``: the name is empty'],
    ['substream, substream', 'Plugin `substream`: there is one of this name already'],
  ]) {
    assert.throws(() => Primus.createSocket({ plugin }), { message });
  }
  assert.throws(() => Primus.createSocket({ plugin: 'no-such-plugin' }), /no-such-plugin/);
  const broken = { a: { client() {}, library: 'throw new Error("broken");' } };
  assert.throws(() => Primus.createSocket({ plugin: broken }), { message: 'broken' });
});

test('modules are found from the package and from where the program runs', () => {
  assert.equal(Primus.requires('node:fs'), load('node:fs'));
  assert.equal(Primus.require('substream'), load('substream'));
  assert.throws(() => Primus.requires('no-such-module'), /no-such-module/);
});

test('constructors of before 2015 inherit from it', () => {
  function Old(url, options) {
    Primus.call(this, url, options);
  }
  Old.prototype = Object.create(Primus.prototype, { constructor: { value: Old } });
  const old = new Old('http://example.com', { manual: true });
  assert.ok(old instanceof Old && old instanceof Primus);
  assert.equal(old.url.host, 'example.com');
});
