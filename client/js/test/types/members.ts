// Every member with its type. This file is checked, not run.

import Default, {
  Primus,
  type Address,
  type Attempt,
  type Connection,
  type Events,
  type Link,
  type MessagePacket,
  type Options,
  type PrimusClient,
  type Transport,
  type UriParts,
} from 'allspark-client';

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2
  ? true
  : false;
const same = <A, B>(_proof: Same<A, B>): void => {};

// Construction.
const options: Options = {
  reconnect: { min: 1, max: Infinity, retries: 3, factor: 2, 'reconnect timeout': 5 },
  timeout: false,
  pingTimeout: false,
  strategy: ['disconnect', 'online'],
  manual: true,
  websockets: false,
  network: true,
  transport: { anything: 1 },
  queueSize: 10,
  transformer: 'engine.io',
  parser: 'msgpack',
  pathname: '/other',
  authorization: true,
  'option of a plugin': 5,
};
const primus = new Primus('http://localhost', options);
same<typeof primus, PrimusClient>(true);
same<typeof Default, typeof Primus>(true);
const typed: Primus = Primus('http://localhost');
new Primus();
new Primus(new URL('http://localhost'));
new Primus({ url: 'http://localhost', strategy: 'online, timeout' });
Primus.connect({ uri: 'http://localhost', strategy: false });
// @ts-expect-error The option was removed.
new Primus('http://localhost', { ping: 1 });
// @ts-expect-error The option was removed.
new Primus('http://localhost', { pong: 1 });
// @ts-expect-error There is no such transformer.
new Primus('http://localhost', { transformer: 'carrier pigeon' });
// @ts-expect-error There is no such parser.
new Primus('http://localhost', { parser: 'xml' });
// @ts-expect-error Times are numbers.
new Primus('http://localhost', { timeout: '10 seconds' });
// @ts-expect-error There is no such option.
new Primus('http://localhost', { reconnect: { minimum: 1 } });

// Parsers and transports of an application.
new Primus('', { parser: { encode: (value) => String(value), decode: (packet) => packet } });
new Primus('', {
  parser: {
    encoder: (value, done) => done(undefined, String(value)),
    decoder: (packet, done) => done(undefined, packet),
  },
});
const transport: Transport = (link: Link): Connection => {
  const uri: string = link.uri({ protocol: 'ws:', query: true });
  const parts: UriParts = link.uri({ object: true });
  link.received(uri + parts.pathname);
  link.failed(new Error());
  return { send: (packet) => void packet, close: () => link.ended(), id: 'x' };
};
new Primus('', { transformer: transport });
// @ts-expect-error A connection can be closed.
new Primus('', { transformer: () => ({ send() {} }) });

// State.
same<typeof primus.readyState, 1 | 2 | 3>(true);
same<typeof Primus.OPEN, 3>(true);
same<typeof Primus.CLOSED, 2>(true);
same<typeof Primus.OPENING, 1>(true);
same<typeof primus.url, Address>(true);
const flags: boolean[] = [
  primus.online,
  primus.writable,
  primus.readable,
  primus.authorization,
  primus.recovery.reconnecting(),
];
const texts: string[] = [primus.version, primus.pathname, primus.url.query, primus.url.auth];
const attempt: Attempt | null = primus.recovery.attempt;
const waiting: unknown[] = primus.buffer;
const given: Options = primus.options;
const own: Record<string, unknown> = primus.transport;
// @ts-expect-error It can only be read.
primus.readyState = 1;

// Methods.
same<ReturnType<typeof primus.open>, PrimusClient>(true);
same<ReturnType<typeof primus.write>, true>(true);
primus.write({ any: ['thing'] });
primus.end().end({ last: 'word' });
const destroyed: boolean = primus.destroy();
primus.id((id: string) => id);
// @ts-expect-error The id is text.
primus.id((id: number) => id);
primus.transform('incoming', (packet: MessagePacket) => packet.data !== 1);
primus.transform('outgoing', function outgoing(packet, next) {
  this.write(packet.data);
  next(undefined, false);
});
primus.transform('incoming', (packet) => packet.data !== 1);
primus.transform('outgoing', (packet, next) => next(new Error(packet.data)));
// @ts-expect-error A message comes in a packet.
primus.transform('incoming', (packet: string) => packet);
// @ts-expect-error There are two directions.
primus.transform('sideways', () => {});
const plugin = primus.plugin('name');
if (plugin) plugin.call(primus, primus, options);
Object.keys(primus.plugin());
const initialise = Primus.prototype.initialise;
Primus.prototype.initialise = function (given) {
  return initialise.call(this, given);
};
const required: unknown = Primus.requires('ws') ?? Primus.require('ws');
Primus.prototype.ark.name = (client, given) => void client.write(given.manual);
const reserved: boolean = primus.reserved('open');
Object.keys(primus.reserved.events);
primus.critical(new Error());
const uri: string = primus.uri({ protocol: 'http:', query: true });
const parts: UriParts = primus.uri({ object: true });
const parsed: Address = primus.parse('http://localhost');
const query: Record<string, string> = primus.querystring('a=b');
const text: string = primus.querystringify({ a: 1 });
const merged: { a: number } & { b: string } = primus.merge({ a: 1 }, { b: '' });
const cloned: { a: number } = primus.clone({ a: 1 });

// Events.
primus.on('open', () => {}).once('data', (data, raw) => void [data, raw]);
primus.on('error', (error) => error.message);
primus.on('reconnect', (opts, done) => done(new Error(String(opts.attempt))));
primus.on('reconnect scheduled', (opts) => opts.scheduled + opts.retries);
primus.on('reconnected', (opts) => opts.duration);
primus.on('reconnect timeout', (error, opts) => error.message + opts['reconnect timeout']);
primus.on('reconnect failed', (error, opts) => error.message + opts.start);
primus.on('readyStateChange', (state) => state === 'opening');
primus.on('outgoing::url', (url) => (url.query += '&a=b'));
primus.on('an event of the application', (one: string, two: number) => one + two);
primus.addListener('end', () => {}).off('end').removeListener('close', () => {}, {}, true);
primus.removeAllListeners('data').removeAllListeners();
primus.emit('anything', 1, 2, 3);
const heard: boolean = primus.emit('incoming::data', '{}');
const count: number = primus.listeners('open').length + primus.listenerCount('open');
const names: Array<string | symbol> = primus.eventNames();
const emit: (...values: unknown[]) => boolean = primus.emits('event', 1, () => {});
same<Events['incoming::ping'], [time: number]>(true);
// @ts-expect-error A listener is a function.
primus.on('open', 'nothing');
// @ts-expect-error The attempt is an object.
primus.on('reconnect scheduled', (opts: number) => opts);
// @ts-expect-error `open` comes without arguments.
primus.on('open', (what: string) => what);

// Streams and emitters.
const piped: PrimusClient = primus.pipe(typed, { end: false });
class Custom extends Primus.EventEmitter {}
class Stream extends Primus.Stream {}
new Custom().on('event', () => {}).pipe(primus);
new Stream().emit('event');
class Wider extends Primus {
  greet = (): true => this.write('hello');
}
new Wider('http://localhost').greet();
const Socket = Primus.createSocket({ transformer: 'sockjs', pingInterval: false });
new Socket('http://localhost', { manual: true }).end();
Primus.createSocket({ plugin: 'primus-emit, mirage' });
Primus.createSocket({
  plugin: {
    'primus-emit': 'primus-emit',
    own: { client: (client, given) => void [client, given], server() {}, library: 'var a;' },
  },
});
// @ts-expect-error A plugin is an object or the name of one.
Primus.createSocket({ plugin: { a: 5 } });

export const used = [
  ...[flags, texts, attempt, waiting, given, own, destroyed, reserved, uri, parts, parsed, query],
  ...[text, merged, cloned, heard, count, names, emit, piped, required],
];
