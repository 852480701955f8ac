import { defaultAddress, formatQuery, joinUri } from './address.js';
import { parseAddress, parseQuery, uriOptions } from './address.js';
import { defaults, parsers, transports } from './defaults.js';
import { Emitter } from './emitter.js';
import { CLOSED, OPEN, OPENING, RECOVERY_EVENTS, changeState } from './lifecycle.js';
import { followEvents, reconnectOrEnd } from './lifecycle.js';
import { makeLink } from './link.js';
import { followNetwork, leaveNetwork, networkEventsExist } from './network.js';
import { chooseAmong, completeOptions, parserFunctions } from './options.js';
import { Recovery } from './recovery.js';
import { Timers } from './timers.js';

// The client of a Primus server, with the interface and the events of npm primus 8.0.9.
//
// It is a function, and not a class, because it is called without `new` as well, also by what
// inherits from it in the way of before 2015 (`Primus.call(this, url, options)`). All that npm's
// client does in a method is done in one here: plugins put others in their place.
export function Primus(url, options) {
  if (!(this instanceof Primus)) return new Primus(url, options);
  if (typeof url === 'object' && !(url instanceof URL)) {
    options = url;
    url = options.url || options.uri;
  }
  options ??= {};
  if ('ping' in options || 'pong' in options) {
    return this.critical(new Error('The `ping` and `pong` options have been removed'));
  }
  this.pathname = options.pathname ?? this.pathname;
  this.authorization = options.authorization ?? this.authorization;
  this.options = completeOptions(options, defaults, this.authorization);
  this.buffer = [];
  this.writable = this.readable = true;
  this.url = this.parse(url || defaultAddress());
  this.readyState = CLOSED;
  this.timers = new Timers();
  this.socket = null;
  this.disconnect = false;
  this.transport = this.options.transport;
  this.transformers = { outgoing: [], incoming: [] };
  this.recovery = new Recovery(this.options.reconnect);
  if ('websockets' in options) this.AVOID_WEBSOCKETS = !options.websockets;
  if ('network' in options) this.NETWORK_EVENTS = options.network;
  this.initialise(this.options);
}

class PrimusMethods extends Emitter {
  initialise() {
    const { manual, parser, transformer } = this.options;
    const transport = chooseAmong('transformer', transports, transformer ?? defaults.transformer);
    if (parser) Object.assign(this, parserFunctions(chooseAmong('parser', parsers, parser)));
    // A moment later, so that the application can listen to everything.
    if (!manual) this.timers.setTimeout('open', () => this.open(), 0);
    followEvents(this, makeLink(this, transport));
    for (const name in this.ark) this.ark[name].call(this, this, this.options);
    if (this.NETWORK_EVENTS) followNetwork(this);
    return this;
  }

  // Opens a connection. There must be none, nor a reconnect under way.
  open() {
    if (!this.recovery.reconnecting() && this.options.timeout) this.timeout();
    this.emit('outgoing::open');
    return this;
  }

  // Sends a message, or keeps it until the connection is open.
  write(data) {
    this.transforms(this, this, 'outgoing', data);
    return true;
  }

  // Writes past the transforms. False means that the message waits for the connection.
  _write(data) {
    if (this.readyState !== OPEN) {
      this.buffer.push(data);
      if (this.buffer.length > this.options?.queueSize) this.buffer.shift();
      return false;
    }
    this.encoder(data, (error, packet) => {
      if (error) this.emit('error', error);
      else if (packet !== undefined) this.emit('outgoing::data', escapeLineSeparators(packet));
    });
    return true;
  }

  // Ends a connection from which no ping has come in time.
  heartbeat() {
    const { pingTimeout } = this.options;
    const expire = () => {
      // The network events were faster.
      if (!this.online) return;
      this.online = false;
      this.emit('offline');
      this.emit('incoming::end');
    };
    if (pingTimeout) this.timers.setTimeout('heartbeat', expire, pingTimeout);
    return this;
  }

  // Gives a first connection its time. Any word of the connection stops the clock; an error does so
  // where it is dealt with, since one that has a listener is not thrown.
  timeout() {
    if (this.timers.active('connect')) return this;
    const stop = () => {
      this.off('open', stop).off('end', stop);
      this.timers?.clear('connect');
    };
    const expire = () => {
      stop();
      if (this.readyState === OPEN || this.recovery.reconnecting()) return;
      this.emit('timeout');
      reconnectOrEnd(this);
    };
    this.timers.setTimeout('connect', expire, this.options.timeout);
    return this.on('open', stop).on('end', stop);
  }

  // Handles the messages of the protocol itself. All that begin as one are Primus's, known or not.
  protocol(message) {
    const found = typeof message === 'string' && /^primus::(?:([^:]*)::?(.*))?/s.exec(message);
    if (!found) return false;
    const [, kind, value] = found;
    if (kind === 'ping') this.emit('incoming::ping', +value);
    else if (kind === 'id') this.emit('incoming::id', value);
    else if (kind === 'server' && value === 'close') this.disconnect = true;
    return true;
  }

  // Closes the connection for good, after one last message if there is one. What nobody wanted to
  // end, the network may bring back (`forNow`).
  end(data, forNow) {
    const { recovery, timers } = this;
    this.disconnect ||= !forNow;
    if (this.readyState === CLOSED && !timers?.active('connect') && !timers?.active('open')) {
      if (recovery?.reconnecting()) {
        recovery.reset();
        this.emit('end');
      }
      return this;
    }
    if (data !== undefined) this.write(data);
    this.writable = this.readable = false;
    changeState(this, CLOSED, 'end');
    timers.clear();
    // An attempt to reconnect that is under way would go on to another one (it does in npm primus).
    recovery.reset();
    this.emit('outgoing::end');
    this.emit('close');
    this.emit('end');
    return this;
  }

  // Ends the client and frees all it has. It can not be used again. False if that was done before.
  destroy() {
    if (!this.url) return false;
    this.end();
    for (const name of OWNED) {
      this[name]?.destroy?.();
      this[name] = null;
    }
    this.emit('destroy');
    this.removeAllListeners();
    leaveNetwork(this);
    return true;
  }

  // Calls back with the id of the spark: the transport's name for it, or else the server is asked.
  id(fn) {
    if (this.readyState === OPEN && this.socket?.id) return fn(this.socket.id);
    this._write('primus::id::');
    return this.once('incoming::id', fn);
  }

  // Adds a transform of messages: `(packet)`, or `(packet, next)` for one that takes its time.
  // `packet.data` may be replaced; `false` drops the message.
  transform(type, fn) {
    if (!(type in this.transformers)) return this.critical(new Error('Invalid transformer type'));
    this.transformers[type].push(fn);
    return this;
  }

  transforms(primus, connection, type, data, raw) {
    const packet = { data };
    const fns = primus.transformers[type];
    const step = (index) => {
      const fn = fns[index];
      if (!fn) {
        if (type === 'incoming') connection.emit('data', packet.data, raw);
        else connection._write(packet.data);
      } else if (fn.length === 1) {
        if (fn.call(connection, packet) !== false) step(index + 1);
      } else {
        fn.call(connection, packet, (error, keep) => {
          if (error) connection.emit('error', error);
          else if (keep !== false) step(index + 1);
        });
      }
    };
    step(0);
    return this;
  }

  // The plugin of that name, or all of them.
  plugin(name) {
    return name ? this.ark[name] : { ...this.ark };
  }

  // An error of the application: without a listener it is thrown.
  critical(error) {
    if (this.emit('error', error)) return this;
    throw error;
  }

  // Makes the URL of a connection: `protocol` is `http:` or `ws:`, `query` includes the query
  // string, `object` asks for the parts. `outgoing::url` may change them.
  uri(options = {}) {
    const hasQuery = !!options.query;
    uriOptions(options, this.url, this.pathname);
    this.emit('outgoing::url', options);
    if (!hasQuery) delete options.query;
    return options.object ? options : joinUri(options, this.url.host);
  }

  merge(target, ...sources) {
    return Object.assign(target, ...sources);
  }

  clone(source) {
    return { ...source };
  }

  reserved(event) {
    return /^(incoming|outgoing)::/.test(event) || event in this.reserved.events;
  }
}

// What `destroy` frees, in this order.
const OWNED = 'url,timers,options,recovery,socket,transport,transformers'.split(',');

// Transports of old evaluated text as JavaScript, in which both of these ended a line.
const escapeLineSeparators = (packet) => {
  if (typeof packet !== 'string') return packet;
  return packet.replace(/\u2028/g, '\\u2028').replace(/\u2029/g, '\\u2029');
};

const CLIENT_EVENTS = 'readyStateChange,offline,timeout,destroy,online,error,close,open,data,end';

// On the prototype, where plugins and applications find and change them for all clients.
Primus.prototype = Object.assign(PrimusMethods.prototype, {
  ...parserFunctions(parsers[defaults.parser]),
  constructor: Primus,
  ark: {},
  AVOID_WEBSOCKETS: false,
  NETWORK_EVENTS: networkEventsExist(),
  online: true,
  pathname: defaults.pathname,
  authorization: defaults.authorization,
  version: defaults.version,
  parse: parseAddress,
  querystring: parseQuery,
  querystringify: formatQuery,
});
const reservedEvents = (Primus.prototype.reserved.events = {});
for (const event of RECOVERY_EVENTS.concat(CLIENT_EVENTS.split(','))) reservedEvents[event] = 1;

Object.assign(Primus, {
  OPENING,
  CLOSED,
  OPEN,
  EventEmitter: Emitter,
  Stream: Emitter,
  // Without `new` it makes a client, too.
  connect: Primus,
});
