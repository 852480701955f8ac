// Channels of the server. `primus.channel(name)` subscribes to one; several may have one name.
function client(primus) {
  'use strict';

  var Base = (typeof Primus === 'function' ? Primus : primus.constructor).EventEmitter;
  var MESSAGE = 0;
  var SUBSCRIBE = 1;
  var UNSUBSCRIBE = 2;
  // Of messages with primus-emitter.
  var EVENT = 0;
  var ACK = 1;
  // By name, then by id.
  var channels = Object.create(null);
  // Since the connection is lost the server knows no subscription: what is written waits until
  // there are new ones.
  var isLost = false;
  var waiting = [];

  function Channel(name) {
    Base.call(this);
    this.channel = name;
    this.id = newId();
    this.conn = primus;
    this.readyState = primus.readyState;
    this.writable = this.readable = true;
    this.acks = Object.create(null);
    this.ids = 1;
  }

  Channel.prototype = Object.create(Base.prototype);
  Channel.prototype.constructor = Channel;

  // As in primus-multiplex the payload is left out if it is falsy, and comes as `undefined`.
  Channel.prototype.packet = function packet(type, data) {
    var parts = [type, this.id, this.channel];
    if (data) parts.push(data);
    return parts;
  };

  Channel.prototype.write = function write(data) {
    if (!this.writable) return false;
    return post(this, this.packet(MESSAGE, data));
  };

  Channel.prototype.end = function end(data) {
    if (!this.writable) return this;
    if (data) this.write(data);
    if (!isLost) primus.write(this.packet(UNSUBSCRIBE));
    forget(this);
    // As in primus-multiplex, after whoever ended it has gone on.
    setTimeout(ended.bind(null, this), 0);
    return this;
  };

  Channel.prototype.reserved = function reserved(event) {
    return primus.reserved(event);
  };

  // Emits an event at the other side, if both have primus-emitter. A function as last argument is
  // called with the answer.
  function send() {
    var args = Array.prototype.slice.call(arguments);
    if (/^(newListener|removeListener)/.test(args[0])) return this;
    var packet = { type: EVENT, data: args };
    if (typeof args[args.length - 1] === 'function') {
      packet.id = this.ids++;
      this.acks[packet.id] = args.pop();
    }
    this.write(packet);
    return this;
  }

  function received(channel, packet) {
    if (!packet || !Array.isArray(packet.data)) return;
    if (packet.id && typeof packet.id !== 'number') return;
    if (packet.type === EVENT) emitted(channel, packet);
    else if (packet.type === ACK && channel.acks[packet.id]) {
      var ack = channel.acks[packet.id];
      delete channel.acks[packet.id];
      ack.apply(channel, packet.data);
    }
  }

  function emitted(channel, packet) {
    var args = packet.data.slice();
    if (channel.reserved(args[0])) return;
    if (packet.id) args.push(answer(channel, packet.id));
    channel.emit.apply(channel, args);
  }

  function answer(channel, id) {
    var isAnswered = false;
    return function ack() {
      if (isAnswered) return;
      isAnswered = true;
      channel.write({ id: id, type: ACK, data: Array.prototype.slice.call(arguments) });
    };
  }

  function hasEmitter() {
    return typeof primus.send === 'function';
  }

  function post(channel, packet) {
    if (!isLost) return primus.write(packet);
    waiting.push([channel, packet]);
    if (primus.options && waiting.length > primus.options.queueSize) waiting.shift();
    return true;
  }

  function newId() {
    return Math.random().toString(35).slice(2, 15);
  }

  function forget(channel) {
    channel.writable = channel.readable = false;
    if (channels[channel.channel]) delete channels[channel.channel][channel.id];
  }

  function ended(channel) {
    channel.emit('end');
    channel.emit('close');
    channel.removeAllListeners();
  }

  // A listener may make channels and end them.
  function each(call) {
    Object.keys(channels).forEach(function eachName(name) {
      Object.keys(channels[name]).forEach(function eachId(id) {
        if (channels[name][id]) call(channels[name][id]);
      });
    });
  }

  function tellAll(args) {
    each(function tell(channel) {
      channel.readyState = primus.readyState;
      channel.emit.apply(channel, args);
    });
  }

  function follow(event) {
    primus.on(event, function followed() {
      tellAll([event].concat(Array.prototype.slice.call(arguments)));
    });
  }

  // Before others hear of it, who may want to write.
  primus.on('close', function lost() {
    isLost = true;
  });
  primus.on('open', function opened() {
    if (!isLost) return;
    isLost = false;
    each(function subscribe(channel) {
      primus.write(channel.packet(SUBSCRIBE));
    });
    waiting.splice(0).forEach(function send(each) {
      if (each[0].writable) primus.write(each[1]);
    });
  });

  for (var event in primus.reserved.events) {
    if (event !== 'data' && event !== 'end') follow(event);
  }

  primus.on('end', function over() {
    waiting = [];
    each(function end(channel) {
      forget(channel);
      channel.emit('end');
      channel.removeAllListeners();
    });
  });

  primus.on('data', function ondata(data) {
    if (!Array.isArray(data)) return;
    var ofName = typeof data[2] === 'string' ? channels[data[2]] : undefined;
    var channel = ofName && ofName[data[1]];
    if (!channel) return;
    if (data[0] === MESSAGE) {
      var payload = data.length === 4 ? data[3] : undefined;
      if (hasEmitter()) received(channel, payload);
      channel.emit('data', payload);
    } else if (data[0] === UNSUBSCRIBE) {
      forget(channel);
      ended(channel);
    }
  });

  primus.channel = function channel(name) {
    if (!name) return primus;
    var made = new Channel(String(name));
    if (hasEmitter()) made.send = send;
    if (!channels[made.channel]) channels[made.channel] = Object.create(null);
    channels[made.channel][made.id] = made;
    if (!isLost) primus.write(made.packet(SUBSCRIBE));
    return made;
  };
}
