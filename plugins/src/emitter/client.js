// The client half of primus-emitter: `primus.send(name, .., fn)` reaches the server, whose answer
// calls `fn`, and what the server sends is an event here. It works with the npm plugin on a server
// of Node.js, too. `primus.emitter.of(connection)` makes the same of whatever has `on`, `emit`,
// `write` and `reserved`, as channels do.
function client(primus) {
  'use strict';

  var EVENT = 0;
  var ACK = 1;
  var slice = Array.prototype.slice;

  function isArray(value) {
    return Object.prototype.toString.call(value) === '[object Array]';
  }

  function Emitter(connection) {
    var self = this;
    this.conn = connection;
    this.ids = 1;
    this.acks = {};
    connection.on('data', function data(packet) {
      self.ondata(packet);
    });
  }

  Emitter.prototype.of = function of(connection) {
    return new Emitter(connection);
  };

  // With a function as the last argument the other side is to acknowledge the event.
  Emitter.prototype.send = function send() {
    var args = slice.call(arguments);
    var packet = { type: EVENT, data: args };
    if (typeof args[args.length - 1] === 'function') {
      packet.id = this.ids++;
      this.acks[packet.id] = args.pop();
    }
    this.conn.write(packet);
    return this;
  };

  Emitter.prototype.ondata = function ondata(packet) {
    if (!packet || !isArray(packet.data)) return this;
    if (packet.id && typeof packet.id !== 'number') return this;
    if (packet.type === EVENT) this.onevent(packet);
    else if (packet.type === ACK) this.onack(packet);
    return this;
  };

  Emitter.prototype.onevent = function onevent(packet) {
    var args = packet.data.slice();
    if (!args.length || this.conn.reserved(args[0])) return;
    if (packet.id) args.push(this.ack(packet.id));
    // Beside primus-emit, `emit` would send it back.
    (this.conn.emit.local || this.conn.emit).apply(this.conn, args);
  };

  // A function that acknowledges an event when it is called for the first time.
  Emitter.prototype.ack = function ack(id) {
    var connection = this.conn;
    var isSent = false;
    return function acknowledge() {
      if (isSent) return;
      isSent = true;
      connection.write({ id: id, type: ACK, data: slice.call(arguments) });
    };
  };

  Emitter.prototype.onack = function onack(packet) {
    var acks = this.acks;
    if (!Object.prototype.hasOwnProperty.call(acks, packet.id)) return;
    var ack = acks[packet.id];
    delete acks[packet.id];
    ack.apply(this, packet.data);
  };

  primus.emitter = new Emitter(primus);

  primus.send = function send(name) {
    if (/^(newListener|removeListener)/.test(name)) return primus;
    primus.emitter.send.apply(primus.emitter, arguments);
    return primus;
  };
}
